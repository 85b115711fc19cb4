defmodule ElixirScopeAgent.Names do
  @moduledoc """
  How things of the node are written: modules and functions as Elixir prints them, pids without `#PID`, references, ports
  and functions as `inspect` prints them. No code of the program is run for it (no `Inspect` protocol).
  """

  @doc "`MyApp.Cart`, `:gen_server`."
  def module(atom) do
    case :erlang.atom_to_binary(atom) do
      <<"Elixir.", rest::binary>> when rest != "" -> rest
      name -> <<":", name::binary>>
    end
  end

  @doc "An atom without its colon; modules as Elixir prints them."
  def atom(atom) do
    case :erlang.atom_to_binary(atom) do
      <<"Elixir.", rest::binary>> when rest != "" -> rest
      name -> name
    end
  end

  @doc "`0.113.0`; `port:0.5`; what is no pid (a name nobody has) as it is."
  def process(pid) when is_pid(pid), do: inner(:erlang.pid_to_list(pid), 1)
  def process(port) when is_port(port), do: <<"port:", inner(:erlang.port_to_list(port), 6)::binary>>
  def process(ref) when is_reference(ref), do: <<"ref:", inner(:erlang.ref_to_list(ref), 5)::binary>>
  def process(name) when is_atom(name), do: <<"name:", :erlang.atom_to_binary(name)::binary>>

  def process({name, node}) when is_atom(name) and is_atom(node) do
    <<"name:", :erlang.atom_to_binary(name)::binary, "@", :erlang.atom_to_binary(node)::binary>>
  end

  def process(_other), do: "unknown"

  @doc "As `inspect` prints it."
  def opaque(pid) when is_pid(pid), do: :erlang.list_to_binary([~c"#PID", :erlang.pid_to_list(pid)])
  def opaque(port) when is_port(port), do: :erlang.list_to_binary(:erlang.port_to_list(port))
  def opaque(ref) when is_reference(ref), do: :erlang.list_to_binary([~c"#Reference", tl_from(:erlang.ref_to_list(ref))])

  def opaque(fun) when is_function(fun) do
    info = :maps.from_list(:erlang.fun_info(fun))
    %{:module => mod, :name => name, :arity => arity, :type => type} = info

    case type do
      :external ->
        concat(["&", module(mod), ".", :erlang.atom_to_binary(name), "/", :erlang.integer_to_binary(arity)])

      :local ->
        index = :erlang.integer_to_binary(:maps.get(:new_index, info, 0))
        uniq = :erlang.integer_to_binary(:maps.get(:uniq, info, 0))
        within = within(:erlang.atom_to_binary(name))
        concat(["#Function<", index, ".", uniq, "/", :erlang.integer_to_binary(arity), " in ", module(mod), ".", within, ">"])
    end
  end

  @doc "Anything, by Erlang's own printing, no deeper than `depth`; at most `size` bytes."
  def printed(term, depth, size) do
    case :unicode.characters_to_binary(:io_lib.format(~c"~0tP", [term, depth])) do
      text when is_binary(text) and byte_size(text) <= size -> text
      text when is_binary(text) -> <<prefix(text, size)::binary, "…">>
      _ -> "?"
    end
  end

  @doc "A binary as text of at most `size` bytes; printed where it is no UTF-8."
  def text(binary, size) do
    case :unicode.characters_to_binary(prefix(binary, size)) do
      text when is_binary(text) -> text
      _ -> printed(binary, 20, size)
    end
  end

  @doc "The longest beginning of a UTF-8 text within `size` bytes that ends between two characters."
  def prefix(text, size) when byte_size(text) <= size, do: text
  def prefix(text, size), do: cut(text, size)

  defp cut(_text, size) when size <= 0, do: ""

  defp cut(text, size) do
    # The byte after the cut must not continue a character.
    case :binary.at(text, size) do
      byte when byte >= 0x80 and byte < 0xC0 -> cut(text, size - 1)
      _ -> :binary.part(text, 0, size)
    end
  end

  # `-request/2-fun-0-` is in `request/2`.
  defp within(<<"-", rest::binary>> = name) do
    case :binary.split(rest, "-fun-") do
      [outer, _] -> outer
      _ -> name
    end
  end

  defp within(name), do: name

  defp inner(chars, skip) do
    bytes = :erlang.list_to_binary(chars)
    :binary.part(bytes, skip, byte_size(bytes) - skip - 1)
  end

  defp tl_from([?< | _] = chars), do: chars
  defp tl_from([_ | rest]), do: tl_from(rest)
  defp concat(parts), do: :erlang.list_to_binary(parts)
end
