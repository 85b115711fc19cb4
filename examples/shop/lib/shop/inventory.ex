defmodule Shop.Inventory do
  @moduledoc "Knows how many of each product are left. All of an order is reserved, or nothing."

  use GenServer
  use Shop.Counted

  alias Shop.{Cart, Product}

  @type stock :: %{optional(Product.sku()) => non_neg_integer()}

  def start_link(opts), do: GenServer.start_link(__MODULE__, opts, name: __MODULE__)

  @spec reserve([Cart.line()]) :: :ok | {:error, {:out_of_stock, [Product.sku()]}}
  defcounted reserve(lines) do
    GenServer.call(__MODULE__, {:reserve, lines})
  end

  @spec release([Cart.line()]) :: :ok
  defcounted release(lines) do
    GenServer.cast(__MODULE__, {:release, lines})
  end

  @spec available(Product.sku()) :: non_neg_integer()
  defcounted available(sku) do
    GenServer.call(__MODULE__, {:available, sku})
  end

  @spec restock(Product.sku(), pos_integer()) :: :ok
  def restock(sku, quantity \\ 100), do: GenServer.cast(__MODULE__, {:restock, sku, quantity})

  @impl true
  def init(opts) do
    quantity = Keyword.get(opts, :stock, 100)
    {:ok, Map.new(Shop.Catalog.skus(), &{&1, quantity})}
  end

  @impl true
  defcounted handle_call({:reserve, lines}, _from, stock) do
    case missing(lines, stock) do
      [] -> {:reply, :ok, Enum.reduce(lines, stock, &take/2)}
      skus -> {:reply, {:error, {:out_of_stock, skus}}, stock}
    end
  end

  defcounted handle_call({:available, sku}, _from, stock) do
    {:reply, Map.get(stock, sku, 0), stock}
  end

  @impl true
  defcounted handle_cast({:release, lines}, stock) do
    {:noreply,
     Enum.reduce(lines, stock, fn {p, n}, acc -> Map.update!(acc, p.sku, &(&1 + n)) end)}
  end

  defcounted handle_cast({:restock, sku, quantity}, stock) do
    {:noreply, Map.update(stock, sku, quantity, &(&1 + quantity))}
  end

  defp missing(lines, stock) do
    for {%Product{sku: sku}, wanted} <- lines, Map.get(stock, sku, 0) < wanted, do: sku
  end

  defp take({%Product{sku: sku}, quantity}, stock), do: Map.update!(stock, sku, &(&1 - quantity))
end
