# Calls that the compiled code of modules makes and returns from, for bench/correlate.ts. Modules are named on stdin, one a line,
# and found on the code path. A line each: caller, callee, the line it is written at, and the line that is reported of it, which
# is that of the address it returns to.
defmodule CompiledCalls do
  def of(module) do
    with path when is_list(path) <- :code.which(module),
         {:beam_file, _, _, _, _, functions} <- :beam_disasm.file(path),
         {:ok, {_, [{_, chunk}]}} <- :beam_lib.chunks(path, ['Line']) do
      lines = lines(chunk)
      for {:function, name, arity, _, code} <- functions, call <- calls(code, lines, 0), do: {{module, name, arity}, call}
    else
      _ -> []
    end
  end

  defp calls([], _, _), do: []
  defp calls([{:line, at} | rest], lines, _), do: calls(rest, lines, line(lines, at))

  defp calls([{kind, _, to} | rest], lines, line) when kind in [:call, :call_ext] do
    callee = if elem(to, 0) == :extfunc, do: Tuple.delete_at(to, 0), else: to
    [{callee, line, returned(rest, lines, line)} | calls(rest, lines, line)]
  end

  defp calls([_ | rest], lines, line), do: calls(rest, lines, line)

  defp returned([{:label, _} | rest], lines, line), do: returned(rest, lines, line)
  defp returned([{:line, at} | _], lines, _), do: line(lines, at)
  defp returned(_, _, line), do: line

  # 0: none, or in another file.
  defp line(lines, at), do: Map.get(lines, at, 0)

  defp lines(<<_::96, n::32, _::32, items::binary>>), do: lines(items, n, 1, 0, %{})
  defp lines(_, n, at, _, lines) when at > n, do: lines

  defp lines(items, n, at, file, lines) do
    case item(items) do
      {2, file, rest} -> lines(rest, n, at, file, lines)
      {1, line, rest} -> lines(rest, n, at + 1, file, Map.put(lines, at, if(file <= 1, do: line, else: 0)))
    end
  end

  defp item(<<value::4, 0::1, tag::3, rest::binary>>), do: {tag, value, rest}
  defp item(<<high::3, 1::2, tag::3, low, rest::binary>>), do: {tag, high * 256 + low, rest}

  defp item(<<size::3, 3::2, tag::3, rest::binary>>) do
    bits = (size + 2) * 8
    <<value::size(bits), rest::binary>> = rest
    {tag, value, rest}
  end
end

for name <- IO.stream(:stdio, :line), {caller, {callee, written, reported}} <- CompiledCalls.of(Module.concat([String.trim(name)])) do
  names = for {module, function, arity} <- [caller, callee], part <- [inspect(module), function, arity], do: part
  IO.puts(Enum.join(names ++ [written, reported], "\t"))
end
