# What compiled Elixir says of itself, for comparison with what analysis reads from the source.
#
#   elixir xref.exs EBIN_DIR [MODULE_PREFIX]
#
# Lines, tab-separated, names as Elixir prints them:
#   D  module  kind  name  arity  line        a definition (debug info): def, defp, defmacro, defmacrop
#   X  module  name  arity                    an export (beam file)
#   I  module  name  arity  module  name  arity      what the compiler calls instead of it
#   C  module  name  arity  module  name  arity  line      a call edge (OTP's :xref), line by line
[dir | rest] = System.argv()
prefix = List.first(rest) || ""
print = fn fields -> IO.puts(fields |> Enum.map(&to_string/1) |> Enum.join("\t")) end
beams = Path.wildcard(Path.join(dir, "#{prefix}*.beam"))

for beam <- beams do
  {:ok, {module, chunks}} = :beam_lib.chunks(String.to_charlist(beam), [:debug_info, :exports])

  for {name, arity} <- chunks[:exports], do: print.(["X", inspect(module), name, arity])

  with {:debug_info_v1, _backend, {:elixir_v1, map, _}} <- chunks[:debug_info] do
    for {{name, arity}, kind, meta, _clauses} <- map.definitions do
      print.(["D", inspect(module), kind, name, arity, meta[:line] || 0])
    end
  end
end

# The compiler replaces some functions of Elixir by Erlang's, e.g. Kernel.self/0 by :erlang.self/0.
for module <- [Kernel, Atom, Function, Integer, IO, List, Map, Node, Port, Process, String, System, Tuple],
    {name, arity} <- module.__info__(:functions) do
  with {to, as} <- :elixir_rewrite.inline(module, name, arity) do
    print.(["I", inspect(module), name, arity, inspect(to), as, arity])
  end
end

{:ok, _} = :xref.start(:oracle)
:xref.set_default(:oracle, warnings: false, verbose: false, builtins: true)
for beam <- beams, do: {:ok, _} = :xref.add_module(:oracle, String.to_charlist(beam))
{:ok, edges} = :xref.q(:oracle, '(Lin) (E)')

for {{{fm, ff, fa}, {tm, tf, ta}}, lines} <- edges, line <- lines do
  print.(["C", inspect(fm), ff, fa, inspect(tm), tf, ta, line])
end
