defmodule Shop do
  @moduledoc """
  The shop's front door: everything a customer can do.

      iex> {:ok, cart} = Shop.open_cart(7)
      iex> Shop.add(cart, "TEA-GREEN", 2)
      :ok
      iex> {:ok, order} = Shop.checkout(cart)
      iex> order.status
      :delivered
  """

  alias Shop.{Cart, Catalog, Money, Order, Stats}

  @typedoc "A customer's number."
  @type customer :: pos_integer()

  @doc "Opens a cart for a customer, or returns the one already open."
  @spec open_cart(customer()) :: {:ok, pid()} | {:error, term()}
  def open_cart(customer) when is_integer(customer) and customer > 0 do
    case Cart.Supervisor.start_cart(customer) do
      {:ok, pid} -> {:ok, pid}
      {:error, {:already_started, pid}} -> {:ok, pid}
      {:error, reason} -> {:error, reason}
    end
  end

  @doc "Puts products into a cart."
  @spec add(pid(), Shop.Product.sku(), pos_integer()) :: :ok | {:error, :unknown_product}
  def add(cart, sku, quantity \\ 1) do
    with {:ok, product} <- Catalog.fetch(sku) do
      Cart.Server.add(cart, product, quantity)
    end
  end

  @doc "What the cart costs, after discounts and with tax."
  @spec total(pid(), keyword()) :: Money.t()
  def total(cart, opts \\ []) do
    cart |> Cart.Server.contents() |> Shop.Pricing.total(opts)
  end

  @doc "Orders what is in the cart and closes it."
  @spec checkout(pid(), keyword()) :: {:ok, Order.t()} | {:error, term()}
  def checkout(cart, opts \\ []) do
    contents = Cart.Server.contents(cart)

    try do
      Order.Pipeline.submit(contents, opts)
    after
      Cart.Server.close(cart)
    end
  end

  defdelegate stock(sku), to: Shop.Inventory, as: :available
  defdelegate products, to: Catalog, as: :all
  defdelegate describe(term), to: Shop.Describe
  defdelegate stats, to: Stats, as: :snapshot
end
