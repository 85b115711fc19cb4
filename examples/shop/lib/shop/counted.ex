defmodule Shop.Counted do
  @moduledoc """
  Functions that count their own calls in `Shop.Stats`.

      use Shop.Counted

      defcounted double(x) when is_integer(x) do
        x * 2
      end
  """

  defmacro __using__(_opts) do
    quote do
      import Shop.Counted, only: [defcounted: 2]
    end
  end

  @doc "Like `def`, and counts each call of this clause under the function's name and arity."
  defmacro defcounted(head, do: body) do
    {name, arity} = name_and_arity(head)

    quote do
      def unquote(head) do
        Shop.Stats.call(__MODULE__, unquote(name), unquote(arity))
        unquote(body)
      end
    end
  end

  defp name_and_arity({:when, _meta, [head | _guards]}), do: name_and_arity(head)
  defp name_and_arity({name, _meta, args}) when is_list(args), do: {name, length(args)}
  defp name_and_arity({name, _meta, _context}), do: {name, 0}
end
