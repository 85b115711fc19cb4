# Compiles the files in lib/, runs each named program's main/1 in a process of its own under trace, and writes what was
# traced to trace.jsonl: one array per event, and the clause lines of every module to lines.json.
[argument | entries] = File.read!("entries.txt") |> String.split()
argument = String.to_integer(argument)
{:ok, modules, _} = Kernel.ParallelCompiler.compile_to_path(Path.wildcard("lib/*.ex"), "ebin")
Code.prepend_path("ebin")
for module <- modules, do: Code.ensure_loaded!(module)

quoted = &[?", String.replace(String.replace(&1, "\\", "\\\\"), "\"", "\\\""), ?"]
name = fn module -> quoted.(inspect(module)) end
list = &[?[, Enum.intersperse(&1, ?,), ?]]

lines =
  for module <- modules do
    {:ok, {_, [debug_info: {:debug_info_v1, backend, data}]}} = :beam_lib.chunks(to_charlist("ebin/#{module}.beam"), [:debug_info])
    {:ok, %{definitions: definitions}} = backend.debug_info(:elixir_v1, module, data, [])
    table =
      for {{function, arity}, kind, _, clauses} <- definitions do
        written = if kind in [:defmacro, :defmacrop], do: "MACRO-#{function}", else: "#{function}"
        list.([quoted.(written), "#{arity}", list.(for {meta, _, _, _} <- clauses, do: "#{meta[:line]}")])
      end
    list.([name.(module), list.(table)])
  end
File.write!("lines.json", list.(lines))

gather = fn gather, got ->
  receive do
    {:stop, to} -> send(to, Enum.reverse(got))
    message -> gather.(gather, [message | got])
  end
end
tracer = spawn(fn -> gather.(gather, []) end)
pattern = [{:_, [], [{:exception_trace}, {:message, {:caller_line}}]}]
for module <- modules, do: :erlang.trace_pattern({module, :_, :_}, pattern, [:local])

programs =
  for {entry, idx} <- Enum.with_index(entries) do
    server = Module.concat([entry, Server])
    {pid, ref} =
      spawn_monitor(fn ->
        receive do
          :go -> :ok
        end
        if server in modules and function_exported?(server, :start_link, 1), do: {:ok, _} = server.start_link([])
        Module.concat([entry, M0]).main(argument)
        :ok
      end)
    :erlang.trace(pid, true, [:call, :arity, :set_on_spawn, {:tracer, tracer}])
    send(pid, :go)
    receive do
      {:DOWN, ^ref, _, _, reason} -> if reason != :normal, do: IO.puts("#{entry}: #{inspect(reason)}")
    end
    {pid, idx}
  end
  |> Map.new()

delivered = :erlang.trace_delivered(:all)
receive do
  {:trace_delivered, :all, ^delivered} -> :ok
end
send(tracer, {:stop, self()})
events = receive do
  got -> got
end
out = File.open!("trace.jsonl", [:write, :raw, :delayed_write])
function = fn {m, f, a} -> [name.(m), ?,, quoted.(Atom.to_string(f)), ?,, "#{a}"] end
for event <- events do
  pid = elem(event, 1)
  head = [quoted.(inspect(pid)), ?,, "#{Map.get(programs, pid, -1)}", ?,]
  row =
    case event do
      {:trace, _, :call, mfa, {m, f, a, {file, line}}} -> [head, "\"call\",", function.(mfa), ?,, function.({m, f, a}), ?,, quoted.(to_string(file)), ?,, "#{line}"]
      {:trace, _, :call, mfa, {m, f, a, :undefined}} -> [head, "\"call\",", function.(mfa), ?,, function.({m, f, a}), ",\"\",0"]
      {:trace, _, :call, mfa, :undefined} -> [head, "\"call\",", function.(mfa)]
      {:trace, _, :return_from, mfa, _} -> [head, "\"return\",", function.(mfa)]
      {:trace, _, :exception_from, mfa, _} -> [head, "\"exception\",", function.(mfa)]
    end
  IO.binwrite(out, [?[, row, "]\n"])
end
File.close(out)
