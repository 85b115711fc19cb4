defmodule Shop.Pricing.BulkDiscount do
  @moduledoc "The more of one product, the cheaper each."

  use Shop.Pricing.Rule, label: "Bulk"

  @impl true
  def discount(cart, _opts) do
    cart
    |> Cart.lines()
    |> Enum.map(fn {product, quantity} ->
      product.price |> Money.times(quantity) |> Money.times(rate(quantity))
    end)
    |> Money.sum()
  end

  defp rate(quantity) do
    cond do
      quantity >= 100 -> 0.2
      quantity >= 10 -> 0.1
      true -> 0.0
    end
  end
end
