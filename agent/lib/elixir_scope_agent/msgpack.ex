defmodule ElixirScopeAgent.Msgpack do
  @moduledoc """
  MessagePack as far as the protocol needs it (docs/AGENT.md). `pack/1` writes plain data of our own: nil, booleans,
  integers, floats, binaries (UTF-8 text unless wrapped in `{:bin, iodata}`), lists and maps; atoms as text. What comes from
  the traced program goes through `ElixirScopeAgent.Term` instead, which bounds and redacts it.

  `unpack/1` reads one whole value. It never makes an atom of what it reads.

  Like everything that runs on the traced node, it uses no module of Elixir's, so that it also runs where Elixir is not.
  """

  @max_depth 64

  @spec pack(term) :: iodata
  def pack(nil), do: <<0xC0>>
  def pack(false), do: <<0xC2>>
  def pack(true), do: <<0xC3>>
  def pack(value) when is_integer(value), do: integer(value)
  def pack(value) when is_float(value), do: <<0xCB, value::float-64>>
  def pack(value) when is_binary(value), do: text(value)
  def pack({:bin, bytes}), do: bin(bytes)
  def pack({:packed, bytes}), do: bytes
  def pack(value) when is_atom(value), do: text(:erlang.atom_to_binary(value))
  def pack(value) when is_list(value), do: [array(length(value)) | :lists.map(&pack/1, value)]

  def pack(value) when is_map(value) do
    [map(map_size(value)) | :lists.map(fn {key, val} -> [pack(key) | pack(val)] end, :maps.to_list(value))]
  end

  @doc "An integer of 64 bits, signed or not; larger ones are the caller's business."
  def integer(value) when value >= 0 do
    cond do
      value < 0x80 -> <<value>>
      value < 0x100 -> <<0xCC, value>>
      value < 0x10000 -> <<0xCD, value::16>>
      value < 0x100000000 -> <<0xCE, value::32>>
      true -> <<0xCF, value::64>>
    end
  end

  def integer(value) do
    cond do
      value >= -0x20 -> <<value::8>>
      value >= -0x80 -> <<0xD0, value::8>>
      value >= -0x8000 -> <<0xD1, value::16>>
      value >= -0x80000000 -> <<0xD2, value::32>>
      true -> <<0xD3, value::64>>
    end
  end

  def text(bytes) do
    case byte_size(bytes) do
      size when size < 32 -> [<<0xA0 + size>> | bytes]
      size when size < 0x100 -> [<<0xD9, size>> | bytes]
      size when size < 0x10000 -> [<<0xDA, size::16>> | bytes]
      size -> [<<0xDB, size::32>> | bytes]
    end
  end

  def bin(bytes) do
    case :erlang.iolist_size(bytes) do
      size when size < 0x100 -> [<<0xC4, size>>, bytes]
      size when size < 0x10000 -> [<<0xC5, size::16>>, bytes]
      size -> [<<0xC6, size::32>>, bytes]
    end
  end

  def array(size) when size < 16, do: <<0x90 + size>>
  def array(size) when size < 0x10000, do: <<0xDC, size::16>>
  def array(size), do: <<0xDD, size::32>>

  def map(size) when size < 16, do: <<0x80 + size>>
  def map(size) when size < 0x10000, do: <<0xDE, size::16>>
  def map(size), do: <<0xDF, size::32>>

  def ext(type, bytes) do
    case :erlang.iolist_size(bytes) do
      1 -> [<<0xD4, type>>, bytes]
      2 -> [<<0xD5, type>>, bytes]
      4 -> [<<0xD6, type>>, bytes]
      8 -> [<<0xD7, type>>, bytes]
      16 -> [<<0xD8, type>>, bytes]
      size when size < 0x100 -> [<<0xC7, size, type>>, bytes]
      size when size < 0x10000 -> [<<0xC8, size::16, type>>, bytes]
      size -> [<<0xC9, size::32, type>>, bytes]
    end
  end

  @doc "The value that the bytes hold, whole; text and bin as binaries, extensions as `{:ext, type, bytes}`."
  @spec unpack(binary) :: {:ok, term} | :error
  def unpack(bytes) do
    case value(bytes, @max_depth) do
      {term, <<>>} -> {:ok, term}
      {_term, _rest} -> :error
    end
  catch
    :throw, :malformed -> :error
  end

  defp value(_bytes, 0), do: throw(:malformed)
  defp value(<<0::1, int::7, rest::binary>>, _depth), do: {int, rest}
  defp value(<<0b101::3, size::5, text::binary-size(size), rest::binary>>, _depth), do: {text, rest}
  defp value(<<0x9::4, size::4, rest::binary>>, depth), do: list(size, rest, depth, [])
  defp value(<<0x8::4, size::4, rest::binary>>, depth), do: pairs(size, rest, depth, [])
  defp value(<<0xC0, rest::binary>>, _depth), do: {nil, rest}
  defp value(<<0xC2, rest::binary>>, _depth), do: {false, rest}
  defp value(<<0xC3, rest::binary>>, _depth), do: {true, rest}
  defp value(<<0b111::3, int::5, rest::binary>>, _depth), do: {int - 32, rest}
  defp value(<<0xCC, int, rest::binary>>, _depth), do: {int, rest}
  defp value(<<0xCD, int::16, rest::binary>>, _depth), do: {int, rest}
  defp value(<<0xCE, int::32, rest::binary>>, _depth), do: {int, rest}
  defp value(<<0xCF, int::64, rest::binary>>, _depth), do: {int, rest}
  defp value(<<0xD0, int::signed-8, rest::binary>>, _depth), do: {int, rest}
  defp value(<<0xD1, int::signed-16, rest::binary>>, _depth), do: {int, rest}
  defp value(<<0xD2, int::signed-32, rest::binary>>, _depth), do: {int, rest}
  defp value(<<0xD3, int::signed-64, rest::binary>>, _depth), do: {int, rest}
  defp value(<<0xCA, float::float-32, rest::binary>>, _depth), do: {float, rest}
  defp value(<<0xCB, float::float-64, rest::binary>>, _depth), do: {float, rest}
  defp value(<<0xD9, size, text::binary-size(size), rest::binary>>, _depth), do: {text, rest}
  defp value(<<0xDA, size::16, text::binary-size(size), rest::binary>>, _depth), do: {text, rest}
  defp value(<<0xDB, size::32, text::binary-size(size), rest::binary>>, _depth), do: {text, rest}
  defp value(<<0xC4, size, text::binary-size(size), rest::binary>>, _depth), do: {text, rest}
  defp value(<<0xC5, size::16, text::binary-size(size), rest::binary>>, _depth), do: {text, rest}
  defp value(<<0xC6, size::32, text::binary-size(size), rest::binary>>, _depth), do: {text, rest}
  defp value(<<0xDC, size::16, rest::binary>>, depth), do: list(size, rest, depth, [])
  defp value(<<0xDD, size::32, rest::binary>>, depth), do: list(size, rest, depth, [])
  defp value(<<0xDE, size::16, rest::binary>>, depth), do: pairs(size, rest, depth, [])
  defp value(<<0xDF, size::32, rest::binary>>, depth), do: pairs(size, rest, depth, [])
  defp value(<<0xD4, type, data::binary-size(1), rest::binary>>, _depth), do: {{:ext, type, data}, rest}
  defp value(<<0xD5, type, data::binary-size(2), rest::binary>>, _depth), do: {{:ext, type, data}, rest}
  defp value(<<0xD6, type, data::binary-size(4), rest::binary>>, _depth), do: {{:ext, type, data}, rest}
  defp value(<<0xD7, type, data::binary-size(8), rest::binary>>, _depth), do: {{:ext, type, data}, rest}
  defp value(<<0xD8, type, data::binary-size(16), rest::binary>>, _depth), do: {{:ext, type, data}, rest}
  defp value(<<0xC7, size, type, data::binary-size(size), rest::binary>>, _depth), do: {{:ext, type, data}, rest}
  defp value(<<0xC8, size::16, type, data::binary-size(size), rest::binary>>, _depth), do: {{:ext, type, data}, rest}
  defp value(<<0xC9, size::32, type, data::binary-size(size), rest::binary>>, _depth), do: {{:ext, type, data}, rest}
  defp value(_bytes, _depth), do: throw(:malformed)

  # Every element takes a byte at least: a size beyond the bytes is a lie, and nothing is kept for it.
  defp list(size, rest, _depth, _acc) when size > byte_size(rest), do: throw(:malformed)
  defp list(0, rest, _depth, acc), do: {:lists.reverse(acc), rest}

  defp list(size, rest, depth, acc) do
    {term, rest} = value(rest, depth - 1)
    list(size - 1, rest, depth, [term | acc])
  end

  defp pairs(size, rest, _depth, _acc) when size > byte_size(rest), do: throw(:malformed)
  defp pairs(0, rest, _depth, acc), do: {:maps.from_list(acc), rest}

  defp pairs(size, rest, depth, acc) do
    {key, rest} = value(rest, depth - 1)
    {term, rest} = value(rest, depth - 1)
    pairs(size - 1, rest, depth, [{key, term} | acc])
  end
end
