defmodule Shop.Cart.Server do
  @moduledoc "Holds one customer's cart, and closes it when nobody has touched it for long."

  use GenServer, restart: :transient
  use Shop.Counted

  alias Shop.Cart

  @idle :timer.minutes(10)

  @spec start_link(Shop.customer()) :: GenServer.on_start()
  def start_link(customer), do: GenServer.start_link(__MODULE__, customer, name: via(customer))

  @spec add(GenServer.server(), Shop.Product.t(), pos_integer()) :: :ok
  defcounted add(cart, product, quantity) do
    GenServer.cast(cart, {:add, product, quantity})
  end

  @spec contents(GenServer.server()) :: Cart.t()
  defcounted contents(cart) do
    GenServer.call(cart, :contents)
  end

  @spec close(GenServer.server()) :: :ok
  def close(cart), do: GenServer.stop(cart)

  @spec via(Shop.customer()) :: {:via, module(), term()}
  def via(customer), do: {:via, Registry, {Shop.Registry, {:cart, customer}}}

  @impl true
  def init(customer), do: {:ok, Cart.new(customer), @idle}

  @impl true
  defcounted handle_call(:contents, _from, cart) do
    {:reply, cart, cart, @idle}
  end

  @impl true
  defcounted handle_cast({:add, product, quantity}, cart) do
    {:noreply, Cart.add(cart, product, quantity), @idle}
  end

  @impl true
  defcounted handle_info(:timeout, cart) do
    {:stop, :normal, cart}
  end
end
