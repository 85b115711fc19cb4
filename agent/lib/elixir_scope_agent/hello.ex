defmodule ElixirScopeAgent.Hello do
  @moduledoc """
  Who the agent is and where it runs: the first frame of each connection. Made anew for each, since the clock's offset and the
  working directory change; the session does not, so that the daemon knows the agent again.
  """

  alias ElixirScopeAgent.{Boot, Tracer}

  @doc "16 random bytes, one for each start of the agent: not those of another node of this name that starts at this moment."
  def session do
    here = :erlang.phash2({:erlang.node(), :inet.gethostname(), :os.getpid()})
    seed = :rand.seed_s(:exsss, {here, :erlang.system_time(), :erlang.unique_integer()})
    :erlang.element(1, :rand.bytes_s(16, seed))
  end

  def frame(session, trace, options) do
    offset = :erlang.time_offset(:nanosecond)
    {:ok, cwd} = :file.get_cwd()

    %{
      "protocol" => 1,
      "token" => :maps.get(:token, options, nil),
      "session" => {:bin, session},
      "node" => :erlang.atom_to_binary(:erlang.node()),
      "node_start_ns" => :erlang.convert_time_unit(:erlang.system_info(:start_time), :native, :nanosecond) + offset,
      "otp" => :erlang.list_to_binary(:erlang.system_info(:otp_release)),
      "elixir" => elixir(),
      "agent" => Boot.version(),
      "os_pid" => :erlang.list_to_binary(:os.getpid()),
      "cwd" => :unicode.characters_to_binary(cwd),
      "time_offset_ns" => offset,
      "trace" => Tracer.kind(trace),
      "app" => :maps.get(:app, options, nil)
    }
  end

  defp elixir do
    case :code.is_loaded(:elixir) != false and :application.get_key(:elixir, :vsn) do
      {:ok, vsn} -> :erlang.list_to_binary(vsn)
      _ -> nil
    end
  end
end
