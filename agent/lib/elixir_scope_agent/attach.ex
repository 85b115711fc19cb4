defmodule ElixirScopeAgent.Attach do
  @moduledoc """
  Brings the agent into a node that runs, and takes it away again: the main program of an `erl` of its own (README.md has its
  arguments). It connects as a hidden node, loads the agent's modules over distribution, starts it, and stays. When its standard
  input ends, or says `detach`, the agent ends and its modules go; the same when this program dies or the connection is lost.

  One line on standard output for each thing that happens, the first word saying what: `attached`, `ended`, `failed`.
  """

  import ElixirScopeAgent.Lists

  alias ElixirScopeAgent.{Boot, Session}

  @not_needed [ElixirScopeAgent.Attach, ElixirScopeAgent.Application, ElixirScopeAgent.ExUnitFormatter]
  @exit %{usage: 2, connect: 3, version: 4, busy: 5, load: 6, ended: 7}

  def main do
    case run(list_of arg <- :init.get_plain_arguments(), do: :unicode.characters_to_binary(arg)) do
      :ok -> :erlang.halt(0)
      {:error, code, why} -> fail(code, why)
    end
  catch
    kind, reason -> fail(:ended, :io_lib.format(~c"~p: ~0P ~0P", [kind, reason, 30, __STACKTRACE__, 30]))
  end

  defp fail(code, why) do
    say(["failed ", :erlang.atom_to_binary(code), " ", why])
    :erlang.halt(:maps.get(code, @exit))
  end

  defp run(args) do
    with {:ok, wanted} <- arguments(args, %{tests: false}),
         {:ok, options} <- options(wanted),
         {:ok, cookie} <- cookie(wanted),
         {:ok, node} <- connect(:maps.get(:node, wanted), cookie),
         :ok <- fits(node),
         :ok <- load(node) do
      attached(node, options)
    end
  end

  defp arguments(["--socket", path | rest], acc), do: arguments(rest, :maps.put(:socket, path, acc))
  defp arguments(["--tcp", tcp | rest], acc), do: arguments(rest, :maps.put(:tcp, tcp, acc))
  defp arguments(["--token-file", path | rest], acc), do: arguments(rest, :maps.put(:token_file, path, acc))
  defp arguments(["--cookie-file", path | rest], acc), do: arguments(rest, :maps.put(:cookie_file, path, acc))
  defp arguments(["--cookie-stdin" | rest], acc), do: arguments(rest, :maps.put(:cookie_stdin, true, acc))
  defp arguments(["--plan", path | rest], acc), do: arguments(rest, :maps.put(:plan, path, acc))
  defp arguments(["--app", app | rest], acc), do: arguments(rest, :maps.put(:app, app, acc))
  defp arguments(["--linger-ms", ms | rest], acc), do: arguments(rest, :maps.put(:linger_ms, Boot.integer(ms, 60_000), acc))
  defp arguments([<<"--", _::binary>> = unknown | _], _acc), do: {:error, :usage, ["there is no ", unknown]}
  defp arguments([node | rest], acc) when not is_map_key(acc, :node), do: arguments(rest, :maps.put(:node, node, acc))
  defp arguments([], %{node: _} = acc), do: {:ok, acc}
  defp arguments(_, _), do: {:error, :usage, "one node, and its options"}

  defp options(wanted) do
    with {:ok, address} <- Boot.address(:maps.get(:socket, wanted, nil), :maps.get(:tcp, wanted, nil)),
         {:ok, plan} <- Boot.plan(:maps.get(:plan, wanted, nil)),
         {:ok, token} <- secret(:maps.get(:token_file, wanted, nil)) do
      options = %{address: address, token: token, app: :maps.get(:app, wanted, nil), linger_ms: :maps.get(:linger_ms, wanted, 60_000), owner: self()}
      {:ok, if(plan == nil, do: options, else: :maps.put(:plan, plan, options))}
    else
      {:error, why} -> {:error, :usage, why}
    end
  end

  defp cookie(%{cookie_file: path}) do
    case secret(path) do
      {:ok, text} -> {:ok, :erlang.binary_to_atom(text)}
      {:error, why} -> {:error, :usage, why}
    end
  end

  defp cookie(%{cookie_stdin: true}) do
    case :io.get_line(:standard_io, ~c"") do
      line when is_list(line) or is_binary(line) -> {:ok, :erlang.binary_to_atom(:string.trim(:unicode.characters_to_binary(line)))}
      _ -> {:error, :usage, "no cookie on standard input"}
    end
  end

  defp cookie(_), do: {:error, :usage, "--cookie-file or --cookie-stdin"}

  defp secret(nil), do: {:ok, nil}

  defp secret(path) do
    case :file.read_file(path) do
      {:ok, text} -> {:ok, :string.trim(text)}
      {:error, reason} -> {:error, [path, ": ", :erlang.atom_to_binary(reason)]}
    end
  end

  defp connect(name, cookie) do
    node = :erlang.binary_to_atom(name)
    host = :erlang.element(2, :erlang.list_to_tuple(:binary.split(<<name::binary, "@">>, "@")))
    names = if :binary.match(host, ".") == :nomatch, do: :shortnames, else: :longnames
    own = <<"elixir_scope_", :erlang.list_to_binary(:os.getpid())::binary, if(names == :longnames, do: "@127.0.0.1", else: "")::binary>>

    case :net_kernel.start([:erlang.binary_to_atom(own), names]) do
      {:ok, _} ->
        :erlang.set_cookie(node, cookie)
        if :net_kernel.hidden_connect_node(node) == true, do: {:ok, node}, else: {:error, :connect, [name, " does not answer, or its cookie is another"]}

      {:error, _} ->
        {:error, :connect, "no distribution here: is epmd running?"}
    end
  end

  defp fits(node) do
    otp = :erpc.call(node, :erlang, :system_info, [:otp_release], 5_000)

    cond do
      :erlang.list_to_integer(otp) < 25 -> {:error, :version, ["the node runs OTP ", otp, ", the agent needs 25"]}
      :erpc.call(node, :erlang, :whereis, [Session], 5_000) != :undefined -> {:error, :busy, "the agent is in that node already"}
      true -> :ok
    end
  catch
    _, reason -> {:error, :connect, :io_lib.format(~c"~0P", [reason, 20])}
  end

  defp load(node) do
    _ = :application.load(:elixir_scope_agent)
    {:ok, modules} = :application.get_key(:elixir_scope_agent, :modules)

    :lists.foreach(
      fn mod ->
        {^mod, bytes, file} = :code.get_object_code(mod)
        {:module, ^mod} = :erpc.call(node, :code, :load_binary, [mod, file, bytes], 10_000)
      end,
      list_of(mod <- modules -- @not_needed, Boot.ours?(mod), do: mod)
    )
  catch
    _, reason -> {:error, :load, :io_lib.format(~c"~0P", [reason, 20])}
  end

  defp attached(node, options) do
    case :erpc.call(node, Boot, :attach, [options], 10_000) do
      {:ok, pid} ->
        ref = :erlang.monitor(:process, pid)
        say(["attached ", :erlang.atom_to_binary(node)])
        own = self()
        :erlang.spawn_link(fn -> until_eof(own) end)
        wait(node, ref)

      {:error, reason} ->
        {:error, :load, :io_lib.format(~c"~0P", [reason, 20])}
    end
  end

  defp until_eof(own) do
    case :io.get_line(:standard_io, ~c"") do
      line when line == ~c"detach\n" or line == "detach\n" -> send(own, :eof)
      line when is_list(line) or is_binary(line) -> until_eof(own)
      _ -> send(own, :eof)
    end
  end

  defp wait(node, ref) do
    receive do
      :eof ->
        :erpc.call(node, Session, :stop, ["detached"], 20_000)

        receive do
          {:DOWN, ^ref, :process, _, _} -> gone(node, 50)
        after
          10_000 -> {:error, :ended, "the agent did not end in time"}
        end

      {:DOWN, ^ref, :process, _, reason} ->
        {:error, :ended, :io_lib.format(~c"the agent or its node has ended: ~0P", [reason, 20])}
    end
  end

  # Until nothing of the agent is loaded there any more.
  defp gone(_node, 0), do: {:error, :ended, "the agent has ended, but some of its code is still loaded"}

  defp gone(node, tries) do
    if :erpc.call(node, :code, :is_loaded, [Session], 5_000) == false do
      say("ended detached")
      :ok
    else
      :timer.sleep(50)
      gone(node, tries - 1)
    end
  end

  defp say(words), do: :io.put_chars([words, "\n"])
end
