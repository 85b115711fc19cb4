defprotocol Shop.Describe do
  @moduledoc "A line of text about anything in the shop."

  @fallback_to_any true

  @doc "Describes a value in one line."
  @spec describe(t()) :: String.t()
  def describe(value)
end

defimpl Shop.Describe, for: Shop.Product do
  def describe(%{name: name, price: price}), do: "#{name} at #{price}"
end

defimpl Shop.Describe, for: Shop.Cart do
  alias Shop.Cart

  def describe(cart),
    do: "cart of customer #{cart.customer}: #{Cart.quantity(cart)} items, #{Cart.subtotal(cart)}"
end

defimpl Shop.Describe, for: Shop.Order do
  def describe(%{number: number, status: status, total: total}),
    do: "order #{number}, #{status}, #{total}"
end

defimpl Shop.Describe, for: [List, MapSet] do
  def describe(values), do: Enum.map_join(values, "; ", &Shop.Describe.describe/1)
end

defimpl Shop.Describe, for: Any do
  def describe(value), do: inspect(value)
end
