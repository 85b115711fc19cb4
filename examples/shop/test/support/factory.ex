defmodule Shop.Factory do
  @moduledoc "Values for tests."

  alias Shop.{Cart, Catalog}

  def cart(customer \\ 1, wishes) do
    Enum.reduce(wishes, Cart.new(customer), fn {sku, quantity}, cart ->
      {:ok, product} = Catalog.fetch(sku)
      Cart.add(cart, product, quantity)
    end)
  end
end
