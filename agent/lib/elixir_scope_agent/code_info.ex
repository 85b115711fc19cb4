defmodule ElixirScopeAgent.CodeInfo do
  @moduledoc """
  What the daemon is told of loaded code (docs/AGENT.md, Clause lines): md5, file, and the line of each clause, from the debug
  info of the beam, where that beam has the md5 of what is loaded. Reads files: the helper's work, never the session's.
  """

  import ElixirScopeAgent.Lists

  alias ElixirScopeAgent.{Msgpack, Names}

  @max_beam_bytes 33_554_432

  @doc "The entry of a module in the frame `modules`, packed; nil where it is not loaded."
  @spec entry(module) :: {binary, binary} | nil
  def entry(mod) do
    md5 = mod.module_info(:md5)
    entry = [Names.module(mod), {:bin, md5}, file(mod), lines(mod, md5)]
    {Names.module(mod), :erlang.iolist_to_binary(Msgpack.pack(entry))}
  catch
    :error, _ -> nil
  end

  defp file(mod) do
    case :lists.keyfind(:source, 1, mod.module_info(:compile)) do
      {:source, path} -> :unicode.characters_to_binary(path)
      false -> nil
    end
  end

  @doc "`[[function, arity, [line, …]], …]`, or nil without debug info."
  def lines(mod, md5) do
    with [_ | _] = path <- :code.which(mod),
         {:ok, bytes} <- :erl_prim_loader.get_file(path) |> beam(),
         {:ok, {^mod, ^md5}} <- :beam_lib.md5(bytes),
         {:ok, {^mod, [debug_info: {:debug_info_v1, _backend, info}]}} <- :beam_lib.chunks(bytes, [:debug_info]) do
      clauses(info)
    else
      _ -> nil
    end
  catch
    _, _ -> nil
  end

  defp beam({:ok, bytes, _path}) when byte_size(bytes) <= @max_beam_bytes, do: {:ok, bytes}
  defp beam(_), do: :error

  # Elixir: definitions with the meta of each clause.
  defp clauses({:elixir_v1, %{:definitions => definitions}, _specs}) do
    list_of {{name, arity}, kind, _meta, clauses} <- definitions do
      {name, arity} =
        if kind in [:defmacro, :defmacrop], do: {<<"MACRO-", :erlang.atom_to_binary(name)::binary>>, arity + 1}, else: {:erlang.atom_to_binary(name), arity}

      [name, arity, list_of({meta, _args, _guards, _body} <- clauses, do: line(meta))]
    end
  end

  # Erlang: abstract forms.
  defp clauses({forms, _options}) when is_list(forms) do
    list_of {:function, _anno, name, arity, clauses} <- forms do
      [:erlang.atom_to_binary(name), arity, list_of(clause <- clauses, do: :erl_anno.line(:erlang.element(2, clause)))]
    end
  end

  defp clauses(_other), do: nil

  defp line(meta) do
    case :lists.keyfind(:line, 1, meta) do
      {:line, line} when is_integer(line) -> line
      _ -> 0
    end
  end
end
