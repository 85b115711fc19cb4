defmodule Shop.Cart do
  @moduledoc "What a customer has chosen so far: a value, without a process."

  alias Shop.{Money, Product}

  @enforce_keys [:customer]
  defstruct customer: nil, lines: %{}, opened_at: nil

  @type line :: {Product.t(), pos_integer()}
  @type t :: %__MODULE__{
          customer: Shop.customer(),
          lines: %{optional(Product.sku()) => line()},
          opened_at: integer() | nil
        }

  @spec new(Shop.customer()) :: t()
  def new(customer), do: %__MODULE__{customer: customer, opened_at: System.monotonic_time()}

  @spec add(t(), Product.t(), pos_integer()) :: t()
  def add(%__MODULE__{lines: lines} = cart, %Product{sku: sku} = product, quantity)
      when quantity > 0 do
    lines = Map.update(lines, sku, {product, quantity}, fn {_, n} -> {product, n + quantity} end)
    %{cart | lines: lines}
  end

  @spec remove(t(), Product.sku()) :: t()
  def remove(cart, sku), do: update_in(cart.lines, &Map.delete(&1, sku))

  @spec lines(t()) :: [line()]
  def lines(%__MODULE__{lines: lines}), do: lines |> Enum.sort() |> Enum.map(&elem(&1, 1))

  @spec empty?(t()) :: boolean()
  def empty?(%__MODULE__{lines: lines}) when map_size(lines) == 0, do: true
  def empty?(%__MODULE__{}), do: false

  @spec subtotal(t()) :: Money.t()
  def subtotal(cart) do
    for {product, quantity} <- lines(cart), reduce: Money.new(0) do
      sum -> Money.add(sum, Money.times(product.price, quantity))
    end
  end

  @spec quantity(t()) :: non_neg_integer()
  def quantity(cart), do: cart |> lines() |> Enum.map(fn {_product, n} -> n end) |> Enum.sum()
end
