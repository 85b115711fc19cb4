defmodule ElixirScopeAgent.Term do
  @moduledoc """
  Terms of the traced program as MessagePack (docs/AGENT.md, Terms), bounded in depth and bytes, and without what stands
  under a key that tells of a secret. What is left out is said in its place. The work is bounded by the budget, not by the term.

  No code of the program runs here: no protocol, no `inspect`.
  """

  import ElixirScopeAgent.Lists

  alias ElixirScopeAgent.{Msgpack, Names}

  @ext_atom 1
  @ext_tuple 2
  @ext_opaque 3
  @ext_integer 4
  @ext_left_out 5
  @ext_redacted 6
  @ext_inspected 7

  @default_secrets ["password", "passwd", "token", "secret", "authorization", "api_key", "private_key", "credential", "cookie"]

  @type limits :: {depth :: non_neg_integer, bytes :: non_neg_integer, secrets :: term}

  @doc "Limits from numbers and the names, beside the usual ones, whose values are nobody's business."
  @spec limits(non_neg_integer, non_neg_integer, [binary]) :: limits
  def limits(depth, bytes, redact) do
    names = list_of name <- redact, name != "", do: :string.lowercase(name)
    {depth, bytes, :binary.compile_pattern(:lists.usort(@default_secrets ++ names))}
  end

  @doc "A map of text to terms, as one payload."
  @spec payload([{binary, term}], limits) :: iodata
  def payload(fields, {depth, bytes, secrets}) do
    {packed, _left} =
      :lists.mapfoldl(
        fn {key, term}, left ->
          {value, left} = term(term, depth, left, secrets)
          {[Msgpack.text(key) | value], left}
        end,
        bytes,
        fields
      )

    [Msgpack.map(length(fields)) | packed]
  end

  @doc "A payload of the agent's own, of its own data."
  @spec own([{binary, term}]) :: binary
  def own(fields), do: :erlang.iolist_to_binary(payload(fields, limits(64, 1_048_576, [])))

  @doc "One term."
  def encode(term, {depth, bytes, secrets}) do
    {packed, _left} = term(term, depth, bytes, secrets)
    packed
  end

  defp term(nil, _depth, left, _), do: {<<0xC0>>, left - 1}
  defp term(true, _depth, left, _), do: {<<0xC3>>, left - 1}
  defp term(false, _depth, left, _), do: {<<0xC2>>, left - 1}

  defp term(atom, _depth, left, _) when is_atom(atom) do
    name = atom_name(atom)
    {Msgpack.ext(@ext_atom, name), left - byte_size(name) - 3}
  end

  defp term(int, _depth, left, _) when is_integer(int) and int >= -0x8000000000000000 and int <= 0xFFFFFFFFFFFFFFFF do
    {Msgpack.integer(int), left - 5}
  end

  defp term(int, _depth, left, _) when is_integer(int) do
    # Printing an integer takes time squared in its size: beyond some digits its size is told instead.
    case :erlang.external_size(int) do
      size when size <= 512 and size <= left ->
        digits = :erlang.integer_to_binary(int)
        {Msgpack.ext(@ext_integer, digits), left - byte_size(digits) - 3}

      size ->
        inspected(["an integer of ", :erlang.integer_to_binary(size), " bytes"], left)
    end
  end

  defp term(float, _depth, left, _) when is_float(float), do: {<<0xCB, float::float-64>>, left - 9}
  defp term(bytes, _depth, left, _) when is_binary(bytes), do: binary(bytes, left)

  defp term(bits, _depth, left, _) when is_bitstring(bits) do
    whole = min(div(bit_size(bits), 8), 16)
    rest = bit_size(bits) - whole * 8
    <<head::binary-size(whole), tail::bitstring>> = bits
    bytes = for <<byte <- head>>, do: [:erlang.integer_to_binary(byte), ", "]

    last =
      case tail do
        <<last::size(rest)>> when rest < 8 -> [:erlang.integer_to_binary(last), "::size(", :erlang.integer_to_binary(rest), ")"]
        _ -> ["… (", :erlang.integer_to_binary(rest), " more bits)"]
      end

    inspected(["<<", bytes, last, ">>"], left)
  end

  defp term([], _depth, left, _), do: {<<0x90>>, left - 1}
  defp term(list, 0, left, _) when is_list(list), do: left_out(list_size(list, 0), left)

  defp term(list, depth, left, secrets) when is_list(list) do
    case improper(list, 10, []) do
      nil -> list(list, depth - 1, left - 3, secrets, 0, [])
      text -> inspected(text, left)
    end
  end

  defp term({}, _depth, left, _), do: {Msgpack.ext(@ext_tuple, <<0x90>>), left - 3}
  defp term(tuple, 0, left, _) when is_tuple(tuple), do: left_out(tuple_size(tuple), left)

  defp term({key, value}, depth, left, secrets) when is_atom(key) or is_binary(key) do
    {first, left} = term(key, depth - 1, left - 6, secrets)
    {second, left} = keyed(key, value, depth - 1, left, secrets)
    {Msgpack.ext(@ext_tuple, [<<0x92>>, first, second]), left}
  end

  defp term(tuple, depth, left, secrets) when is_tuple(tuple), do: tuple(tuple, 1, depth - 1, left - 6, secrets, 0, [])

  defp term(map, _depth, left, _) when map_size(map) == 0, do: {<<0x80>>, left - 1}
  defp term(map, 0, left, _) when is_map(map), do: left_out(map_size(map), left)

  defp term(map, depth, left, secrets) when is_map(map) do
    pairs(:maps.next(:maps.iterator(map)), map_size(map), depth - 1, left - 3, secrets, 0, [])
  end

  defp term(other, _depth, left, _) do
    text = Names.opaque(other)
    {Msgpack.ext(@ext_opaque, text), left - byte_size(text) - 3}
  end

  # Modules as Elixir prints them; the colon tells an atom that would be read as one: `:EUR`.
  defp atom_name(atom) do
    case :erlang.atom_to_binary(atom) do
      <<"Elixir.", rest::binary>> when rest != "" -> rest
      <<first, _::binary>> = name when first in ?A..?Z -> <<":", name::binary>>
      name -> name
    end
  end

  defp binary(bytes, left) when byte_size(bytes) <= left do
    if text?(bytes), do: {Msgpack.text(bytes), left - byte_size(bytes) - 3}, else: {Msgpack.bin(bytes), left - byte_size(bytes) - 3}
  end

  # A beginning, and how many bytes are not here.
  defp binary(bytes, left) do
    size = max(left, 0)
    <<head::binary-size(size), _::binary>> = bytes
    head = if size == 0, do: "", else: or_printed(Names.prefix(bytes, size), head)
    more = :erlang.integer_to_binary(byte_size(bytes) - min(byte_size(head), byte_size(bytes)))
    inspected([head, "… (", more, " more bytes)"], left)
  end

  defp or_printed(text, bytes), do: if(text?(text), do: text, else: Names.printed(bytes, 40, 200))

  # Whether the bytes are UTF-8; ASCII by the word.
  defp text?(<<a, b, c, d, rest::binary>>) when a < 128 and b < 128 and c < 128 and d < 128, do: text?(rest)
  defp text?(<<_::utf8, rest::binary>>), do: text?(rest)
  defp text?(rest), do: rest == ""

  defp list([], _depth, left, _, n, acc), do: {[Msgpack.array(n) | :lists.reverse(acc)], left}

  defp list(rest, _depth, left, _, n, acc) when left <= 0 and is_list(rest) do
    {mark, left} = left_out(list_size(rest, 0), left)
    {[Msgpack.array(n + 1) | :lists.reverse(acc, [mark])], left}
  end

  defp list([head | rest], depth, left, secrets, n, acc) do
    {packed, left} = term(head, depth, left, secrets)
    list(rest, depth, left, secrets, n + 1, [packed | acc])
  end

  # The tail of a list that is not proper: the elements before it stand, the tail is told as the last one.
  defp list(tail, _depth, left, _, n, acc) do
    {mark, left} = inspected(["| ", simple(tail) || "…"], left)
    {[Msgpack.array(n + 1) | :lists.reverse(acc, [mark])], left}
  end

  # A short improper list of simple terms, as `inspect` prints it; nil for any other list. Nothing is printed that could hold a secret.
  defp improper([_ | _], 0, _acc), do: nil

  defp improper([head | rest], more, acc) do
    case simple(head) do
      nil -> nil
      text -> improper(rest, more - 1, [text | acc])
    end
  end

  defp improper([], _more, _acc), do: nil

  defp improper(tail, _more, [last | acc]) do
    case simple(tail) do
      nil -> nil
      text -> ["[", :lists.map(fn one -> [one, ", "] end, :lists.reverse(acc)), last, " | ", text, "]"]
    end
  end

  defp simple(int) when is_integer(int) and abs(int) < 0x8000000000000000, do: :erlang.integer_to_binary(int)
  defp simple(float) when is_float(float), do: Names.printed(float, 2, 40)
  defp simple(atom) when is_atom(atom), do: Names.module(atom)
  defp simple(other) when is_pid(other) or is_reference(other) or is_port(other), do: Names.opaque(other)
  defp simple(_other), do: nil

  defp tuple(tuple, at, _depth, left, _, n, acc) when at > tuple_size(tuple) do
    {Msgpack.ext(@ext_tuple, [Msgpack.array(n) | :lists.reverse(acc)]), left}
  end

  defp tuple(tuple, at, _depth, left, _, n, acc) when left <= 0 do
    {mark, left} = left_out(tuple_size(tuple) - at + 1, left)
    {Msgpack.ext(@ext_tuple, [Msgpack.array(n + 1) | :lists.reverse(acc, [mark])]), left}
  end

  defp tuple(tuple, at, depth, left, secrets, n, acc) do
    {packed, left} = term(:erlang.element(at, tuple), depth, left, secrets)
    tuple(tuple, at + 1, depth, left, secrets, n + 1, [packed | acc])
  end

  defp pairs(:none, _size, _depth, left, _, n, acc), do: {[Msgpack.map(n) | acc], left}

  defp pairs(_next, size, _depth, left, _, n, acc) when left <= 0 do
    {mark, left} = left_out(size - n, left)
    {[Msgpack.map(n + 1), [Msgpack.text("…") | mark] | acc], left}
  end

  defp pairs({key, value, next}, size, depth, left, secrets, n, acc) do
    # Keys are text where they are atoms: that is what maps of MessagePack are read by, and `__struct__` is named so.
    {name, left} = if is_atom(key), do: atom_key(key, left), else: term(key, depth, left, secrets)
    {packed, left} = keyed(key, value, depth, left, secrets)
    pairs(:maps.next(next), size, depth, left, secrets, n + 1, [[name | packed] | acc])
  end

  # The key of a struct must be `__struct__` itself; other atoms stay atoms, else `%{"a" => 1}` and `%{a: 1}` were one.
  defp atom_key(:__struct__, left), do: {Msgpack.text("__struct__"), left - 12}

  defp atom_key(key, left) do
    name = atom_name(key)
    {Msgpack.ext(@ext_atom, name), left - byte_size(name) - 3}
  end

  defp keyed(key, value, depth, left, secrets) do
    case secret(key, secrets) do
      nil -> term(value, depth, left, secrets)
      name -> {Msgpack.ext(@ext_redacted, name), left - byte_size(name) - 3}
    end
  end

  # The names of secrets are few and short: what is longer than any sensible key is none.
  defp secret(key, secrets) when is_atom(key) and key != :__struct__, do: secret(:erlang.atom_to_binary(key), secrets)

  defp secret(key, secrets) when is_binary(key) and byte_size(key) <= 256 do
    lower = lower(key)

    case :binary.match(lower, secrets) do
      :nomatch -> nil
      {at, size} -> :binary.part(lower, at, size)
    end
  end

  defp secret(_key, _secrets), do: nil

  defp lower(bytes), do: for(<<byte <- bytes>>, into: <<>>, do: <<if(byte >= ?A and byte <= ?Z, do: byte + 32, else: byte)>>)

  defp left_out(n, left), do: {Msgpack.ext(@ext_left_out, Msgpack.integer(n)), left - 6}

  defp inspected(parts, left) do
    text = :erlang.iolist_to_binary(parts)
    {Msgpack.ext(@ext_inspected, text), left - byte_size(text) - 3}
  end

  # Counting a list costs as much as walking it: beyond a bound it is "so many at least".
  defp list_size([_ | rest], n) when n < 100_000, do: list_size(rest, n + 1)
  defp list_size(_rest, n), do: n
end
