defmodule ElixirScopeAgent.Lists do
  @moduledoc """
  `list_of pattern <- list, condition, do: value`: what `for` is over lists, made of `:lists` alone. `for` calls `Enum`,
  which a node without Elixir does not have.
  """

  defmacro list_of(one, body), do: comprehension([one], body)
  defmacro list_of(one, two, body), do: comprehension([one, two], body)
  defmacro list_of(one, two, three, body), do: comprehension([one, two, three], body)
  defmacro list_of(one, two, three, four, body), do: comprehension([one, two, three, four], body)

  defp comprehension([], do: value), do: [value]

  defp comprehension([{:<-, _, [pattern, list]} | rest], body) do
    {bound, _guard} = with {:when, _, [pattern, guard]} <- pattern, do: {pattern, guard}, else: (pattern -> {pattern, nil})
    within = comprehension(rest, body)

    case bound do
      {name, _, context} when is_atom(name) and is_atom(context) ->
        quote(do: :lists.flatmap(fn unquote(pattern) -> unquote(within) end, unquote(list)))

      _ ->
        clauses = quote(do: (unquote(pattern) -> unquote(within))) ++ quote(generated: true, do: (_ -> []))
        quote(do: :lists.flatmap(unquote({:fn, [], clauses}), unquote(list)))
    end
  end

  defp comprehension([condition | rest], body) do
    quote generated: true do
      case unquote(condition) do
        none when none === nil or none === false -> []
        _ -> unquote(comprehension(rest, body))
      end
    end
  end
end
