defmodule Shop.Receipt do
  @moduledoc "Receipts as text."

  alias Shop.{Cart, Describe, Order}

  @spec render(Order.t()) :: String.t()
  def render(%Order{receipt: receipt} = order) do
    """
    Order #{order.number}
    #{lines(order)}
    Total: #{order.total}
    #{paid(receipt)}
    """
  end

  defp lines(order) do
    order.cart
    |> Cart.lines()
    |> Enum.map_join("\n", fn {product, n} -> "#{pad(n)} x #{Describe.describe(product)}" end)
  end

  defp paid(nil), do: ~s(Not "paid" yet)
  defp paid(%{method: method, reference: reference}), do: "Paid by #{method}, #{reference}"

  defp pad(n), do: n |> Integer.to_string() |> String.pad_leading(3)
end
