# What Elixir's own parser makes of sources: the reference that the tests compare with.
#
#   elixir test/syntax/oracle.exs < SOURCES        one source a line, in base64
#
# Prints one line a source: STRUCTURE <TAB> POSITIONS, both SHA-256 in hex, or error <TAB> LINE:COLUMN. What is hashed is
# the canonical text of the quoted form, described in src/syntax/digest.ts.
defmodule Canonical do
  def text(term, positions), do: term |> write(positions) |> IO.iodata_to_binary()

  defp write(atom, _) when is_atom(atom), do: [?:, quoted(Atom.to_string(atom))]
  defp write(int, _) when is_integer(int), do: [?i, Integer.to_string(int)]
  defp write(float, _) when is_float(float), do: [?f, Base.encode16(<<float::float-64>>, case: :lower)]
  defp write(binary, _) when is_binary(binary), do: [?b, Base.encode16(binary, case: :lower)]
  defp write(list, p) when is_list(list), do: [?[, list |> Enum.map(&write(&1, p)) |> Enum.intersperse(?,), ?]]
  defp write({left, right}, p), do: [?{, write(left, p), ?,, write(right, p), ?}]

  defp write({form, meta, args}, p) do
    at = if p, do: [?@, number(meta[:line]), ?:, number(meta[:column])], else: []
    [?(, write(form, p), at, ?|, write(args, p), ?)]
  end

  defp number(nil), do: "0"
  defp number(int), do: Integer.to_string(int)

  defp quoted(string), do: [?", for(<<char::utf8 <- string>>, do: escape(char)), ?"]

  defp escape(?"), do: "\\\""
  defp escape(?\\), do: "\\\\"
  defp escape(char) when char < 0x20, do: ["\\u", char |> Integer.to_string(16) |> String.downcase() |> String.pad_leading(4, "0")]
  defp escape(char), do: <<char::utf8>>
end

hash = fn text -> :crypto.hash(:sha256, text) |> Base.encode16(case: :lower) end

# A deprecated escape warns on standard error for each use.
Process.unregister(:standard_error)
Process.register(spawn(fn -> Enum.each(Stream.cycle([0]), fn _ -> receive do
  {:io_request, from, ref, _} -> send(from, {:io_reply, ref, :ok})
end end) end), :standard_error)

for line <- IO.stream(:stdio, :line) do
  source = line |> String.trim_trailing("\n") |> Base.decode64!()

  result =
    try do
      case Code.string_to_quoted(source, columns: true, emit_warnings: false) do
        {:ok, form} -> [hash.(Canonical.text(form, false)), ?\t, hash.(Canonical.text(form, true))]
        {:error, {meta, _, _}} -> ["error\t#{meta[:line]}:#{meta[:column]}"]
      end
    rescue
      # Invalid UTF-8, and some names that are too long, raise.
      _ -> "error\t1:1"
    end

  IO.puts(result)
end
