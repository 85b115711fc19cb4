# Prints src/syntax/unicode-tables.ts from the installed Elixir and OTP: which characters names may have, with the
# scripts that each belongs to, and how characters join to graphemes.
#
#   elixir test/syntax/tables.exs > src/syntax/unicode-tables.ts
defmodule Tables do
  # The clauses of the tokenizer's own classification: {first, last, scripts}.
  def classes(name) do
    {:ok, {_, [debug_info: {:debug_info_v1, backend, data}]}} =
      :beam_lib.chunks(:code.which(String.Tokenizer), [:debug_info])

    {:ok, %{definitions: definitions}} =
      backend.debug_info(:elixir_v1, String.Tokenizer, data, [])

    {_, _, _, clauses} = List.keyfind(definitions, {name, 1}, 0)
    Enum.flat_map(clauses, &clause/1)
  end

  defp clause({_, [cp], [], scripts}) when is_integer(cp), do: [{cp, cp, scripts}]
  defp clause({_, _, [], _}), do: []

  defp clause({_, _, [guard], scripts}) do
    {_, numbers} =
      Macro.prewalk(guard, [], fn
        n, acc when is_integer(n) -> {n, [n | acc]}
        other, acc -> {other, acc}
      end)

    {first, last} = Enum.min_max(numbers)
    [{first, last, scripts}]
  end

  def grapheme_class(cp) do
    cond do
      cp in 0x1100..0x115F or cp in 0xA960..0xA97C -> 5
      cp in 0x1160..0x11A7 or cp in 0xD7B0..0xD7C6 -> 6
      cp in 0x11A8..0x11FF or cp in 0xD7CB..0xD7FB -> 7
      cp in 0xAC00..0xD7A3 -> if rem(cp - 0xAC00, 28) == 0, do: 8, else: 9
      cp in 0x1F1E6..0x1F1FF -> 4
      joined?([?a, cp]) -> if joined?([0x1F600, cp, 0x200D, 0x1F600]), do: 1, else: 2
      joined?([cp, 0x200D, 0x1F600]) -> 10
      joined?([cp, ?a]) -> 3
      not joined?([cp, 0x301]) -> 11
      true -> 0
    end
  end

  defp joined?(codepoints), do: match?([[_ | _]], [hd(:unicode_util.gc(codepoints))]) and length(hd(:unicode_util.gc(codepoints))) == length(codepoints)

  def runs(list) do
    list
    |> Enum.chunk_while(
      nil,
      fn
        {cp, class}, {first, last, class} when cp == last + 1 -> {:cont, {first, cp, class}}
        {cp, class}, nil -> {:cont, {cp, cp, class}}
        {cp, class}, acc -> {:cont, acc, {cp, cp, class}}
      end,
      fn acc -> {:cont, acc, nil} end
    )
  end

  def base36(n), do: n |> Integer.to_string(36) |> String.downcase()

  def encode(ranges) do
    {parts, _} =
      Enum.map_reduce(ranges, 0, fn {first, last, code}, previous ->
        {Enum.map_join([first - previous, last - first, code], ".", &base36/1), last}
      end)

    Enum.join(parts, " ")
  end

  def wrap(string) do
    string
    |> String.split(" ")
    |> Enum.chunk_while("", fn word, line ->
      if String.length(line) + String.length(word) > 110, do: {:cont, line, word <> " "}, else: {:cont, line <> word <> " "}
    end, &{:cont, &1, ""})
    |> Enum.map_join(" +\n", &("  '" <> &1 <> "'"))
  end
end

named = for {name, class} <- [unicode_upper: 2, unicode_start: 1, unicode_continue: 0], {a, b, s} <- Tables.classes(name), do: {a, b, class, s}
scripts = named |> Enum.map(&elem(&1, 3)) |> Enum.uniq() |> Enum.sort()
index = scripts |> Enum.with_index() |> Map.new()
names = named |> Enum.sort() |> Enum.map(fn {a, b, class, s} -> {a, b, class + 3 * index[s]} end)

graphemes =
  for(cp <- 0x80..0x10FFFF, cp not in 0xD800..0xDFFF, class = Tables.grapheme_class(cp), class != 0, do: {cp, class})
  |> Tables.runs()

IO.puts("""
/**
 * Unicode 14 as Elixir 1.14 and OTP 25 know it, made by test/syntax/tables.exs; not to be edited. Ranges in base 36, each
 * `gap.length.code`: the gap from the last character of the range before, the length less one, and a code.
 */

/** Characters of names beyond ASCII. Code: 0 continues a name, 1 begins one, 2 begins one in upper case; plus 3 × scripts. */
export const nameRanges: string =
#{Tables.wrap(Tables.encode(names))}

/** The sets of scripts, as bits in hexadecimal; bit 0 is Latin. */
export const scriptSets: readonly string[] = [
#{scripts |> Enum.map(&("'" <> String.downcase(Integer.to_string(&1, 16)) <> "'")) |> Enum.chunk_every(3) |> Enum.map_join("\n", &("  " <> Enum.join(&1, ", ") <> ","))}
]

/**
 * How characters join. Code: 1 extends, 2 follows (spacing mark), 3 precedes, 4 regional indicator, 5-9 Hangul L, V, T,
 * LV, LVT, 10 pictograph, 11 control.
 */
export const graphemeRanges: string =
#{Tables.wrap(Tables.encode(graphemes))}
""")
