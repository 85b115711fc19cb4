defmodule ElixirScopeAgent.Boot do
  @moduledoc """
  The ways in (README.md): `start/0` for `erl -s`, from environment variables; `attach/1`, called over distribution; the
  application's own start reads the application environment. None of them ever raises or stops the node: what is wrong is one line on
  standard error, and the node runs on without the agent.
  """

  import ElixirScopeAgent.Lists

  alias ElixirScopeAgent.{Msgpack, Session}

  @version "0.1.0"
  @formatters [ExUnit.CLIFormatter, ElixirScopeAgent.ExUnitFormatter]

  def version, do: @version

  @doc "From the environment: see README.md for the variables."
  def start do
    case from_env() do
      {:ok, options} -> started(options, wait_ms())
      {:error, why} -> complain(why)
    end

    :ok
  catch
    kind, reason -> complain(:io_lib.format(~c"~p: ~0P", [kind, reason, 20]))
  end

  @doc "In the target of an attach: no group leader or link ties it to whoever came."
  def attach(options) do
    :erlang.group_leader(:erlang.whereis(:init), self())
    Session.start(:maps.put(:unload, true, options))
  end

  @doc "Options from the application environment, or nil where no address is given."
  def from_app do
    env = :maps.from_list(:application.get_all_env(:elixir_scope_agent))

    case env do
      %{:socket => path} when is_binary(path) -> :maps.put(:address, {:local, path}, env)
      %{:tcp => {host, port}} when is_binary(host) and is_integer(port) -> :maps.put(:address, {host, port}, env)
      _ -> nil
    end
  end

  @doc "Formatters are read when ExUnit starts: told before, it has ours beside its own."
  def tests(%{tests: true}), do: :application.set_env(:ex_unit, :formatters, @formatters, [{:persistent, true}])
  def tests(_options), do: :ok

  @doc "Has Elixir call `exiting/1` when its command line ends the node; false while Elixir is not there yet."
  def at_exit do
    if is_pid(:erlang.whereis(:elixir_config)) and :erlang.function_exported(System, :at_exit, 1) do
      :erlang.apply(System, :at_exit, [&ElixirScopeAgent.Boot.exiting/1])
      true
    else
      false
    end
  catch
    _, _ -> false
  end

  @doc false
  def exiting(_status), do: Session.stop("the node ends", 8_000)

  @doc "The agent's code goes, once no process runs it: evaluated, so that nothing of it is needed for that."
  def unload_later do
    {:ok, tokens, _} = :erl_scan.string(~c"timer:sleep(100), [begin code:delete(M), code:soft_purge(M) end || M <- Ms].")
    {:ok, exprs} = :erl_parse.parse_exprs(tokens)
    :erlang.spawn(:erl_eval, :exprs, [exprs, [{:Ms, modules()}]])
  end

  @doc """
  Loads what of the agent's code is not loaded yet, from beside this module. Before anything is traced: a node that starts keeps its code
  server busy, and events would wait for it.
  """
  def load do
    directory = :filename.dirname(:code.which(__MODULE__))
    files = list_of file <- :filelib.wildcard(~c"Elixir.ElixirScopeAgent.*.beam", directory), do: :filename.rootname(file)
    list_of file <- files, not :erlang.module_loaded(:erlang.list_to_atom(file)), do: :code.load_abs(:filename.join(directory, file))
    :ok
  end

  @doc "Every module of the agent that the target needs."
  def modules do
    list_of {mod, _} <- :code.all_loaded(), ours?(mod), do: mod
  end

  @doc "Whether a module is the agent's."
  def ours?(mod), do: match?(<<"Elixir.ElixirScopeAgent", _::binary>>, :erlang.atom_to_binary(mod))

  defp started(options, wait_ms) do
    tests(options)

    case Session.start(options) do
      # A plan from a file is there without the daemon.
      {:ok, _pid} -> {Session.ready(wait_ms), Session.sync(wait_ms)}
      {:error, {:already_started, _}} -> :ok
      {:error, reason} -> complain(:io_lib.format(~c"~0P", [reason, 20]))
    end
  end

  defp from_env do
    with {:ok, address} <- address(env("SOCKET"), env("TCP")), {:ok, token} <- token(env("TOKEN_FILE")), {:ok, plan} <- plan(env("PLAN")) do
      options = %{
        address: address,
        token: token,
        tests: env("TESTS") == "1",
        preload: env("PRELOAD") == "1",
        app: env("APP"),
        linger_ms: integer(env("LINGER_MS"), 60_000),
        budget: integer(env("BUFFER_BYTES"), 33_554_432)
      }

      {:ok, if(plan == nil, do: options, else: :maps.put(:plan, plan, options))}
    end
  end

  @doc false
  def address(nil, nil), do: {:error, "neither ELIXIR_SCOPE_SOCKET nor ELIXIR_SCOPE_TCP says where the daemon is"}
  def address(nil, tcp), do: tcp(:binary.split(tcp, ":"))
  def address(path, _), do: {:ok, {:local, path}}

  defp tcp([host, port]) when host != "" do
    case integer(port, nil) do
      nil -> {:error, "the port of ELIXIR_SCOPE_TCP is no number"}
      port -> {:ok, {host, port}}
    end
  end

  defp tcp(_), do: {:error, "ELIXIR_SCOPE_TCP is host:port"}

  defp token(nil), do: {:ok, nil}

  defp token(path) do
    case :file.read_file(path) do
      {:ok, text} -> {:ok, :string.trim(text)}
      {:error, reason} -> {:error, ["the token's file: ", :erlang.atom_to_binary(reason)]}
    end
  end

  @doc "A plan in a file, as MessagePack."
  def plan(nil), do: {:ok, nil}

  def plan(path) do
    with {:ok, bytes} <- :file.read_file(path), {:ok, plan} when is_map(plan) <- Msgpack.unpack(bytes) do
      {:ok, plan}
    else
      {:error, reason} -> {:error, ["the plan's file: ", :erlang.atom_to_binary(reason)]}
      _ -> {:error, "the plan's file is no MessagePack map"}
    end
  end

  defp wait_ms, do: integer(env("WAIT_MS"), 2_000)

  defp env(name) do
    case :os.getenv(:erlang.binary_to_list(<<"ELIXIR_SCOPE_", name::binary>>)) do
      value when is_list(value) and value != [] -> :unicode.characters_to_binary(value)
      _ -> nil
    end
  end

  @doc false
  def integer(nil, default), do: default

  def integer(text, default) do
    :erlang.binary_to_integer(text)
  catch
    :error, _ -> default
  end

  @doc "One line for whoever started the node."
  def complain(why), do: :io.put_chars(:standard_error, ["elixir_scope_agent: ", why, "\n"])
end
