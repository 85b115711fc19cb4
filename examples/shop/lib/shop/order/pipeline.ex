defmodule Shop.Order.Pipeline do
  @moduledoc """
  Takes orders through their steps: reserve, pay, deliver.

  The steps run in the customer's own process, so that customers do not wait for each other;
  this server only keeps the books.
  """

  use GenServer
  use Shop.Counted

  alias Shop.{Cart, Courier, Inventory, Order, Payment, Pricing}

  defmodule Books do
    @moduledoc false
    defstruct delivered: 0, failed: %{}, revenue: %Shop.Money{cents: 0}
  end

  def start_link(opts), do: GenServer.start_link(__MODULE__, opts, name: __MODULE__)

  @spec submit(Cart.t(), keyword()) :: {:ok, Order.t()} | {:error, term()}
  defcounted submit(cart, opts) do
    result =
      with :ok <- not_empty(cart),
           {:ok, order} <- reserve(Order.new(cart)),
           {:ok, order} <- pay(order, opts),
           {:ok, order} <- Courier.deliver(order) do
        {:ok, Order.advance(order, :delivered)}
      else
        {:error, :empty} = error ->
          error

        {:error, {:payment, _reason}} = error ->
          Inventory.release(Cart.lines(cart))
          error

        {:error, reason} ->
          {:error, reason}
      end

    tap(result, &GenServer.cast(__MODULE__, {:done, &1}))
  end

  @spec books() :: %Books{}
  defcounted books() do
    GenServer.call(__MODULE__, :books)
  end

  @impl true
  def init(_opts), do: {:ok, %Books{}}

  @impl true
  defcounted handle_call(:books, _from, books) do
    {:reply, books, books}
  end

  @impl true
  defcounted handle_cast({:done, {:ok, order}}, books) do
    broadcast({:delivered, order})

    books = %{
      books
      | delivered: books.delivered + 1,
        revenue: Shop.Money.add(books.revenue, order.total)
    }

    {:noreply, books}
  end

  defcounted handle_cast({:done, {:error, reason}}, books) do
    {:noreply, update_in(books.failed, &Map.update(&1, kind(reason), 1, fn n -> n + 1 end))}
  end

  defp not_empty(cart), do: if(Cart.empty?(cart), do: {:error, :empty}, else: :ok)

  defp reserve(order) do
    with :ok <- Inventory.reserve(Cart.lines(order.cart)),
         do: {:ok, Order.advance(order, :reserved)}
  end

  defp pay(%Order{cart: %{customer: customer} = cart} = order, opts) do
    total = Pricing.total(cart, Keyword.take(opts, [:coupon]))
    method = Keyword.get_lazy(opts, :method, fn -> Payment.method(customer) end)

    case Payment.charge(method, customer, total) do
      {:ok, receipt} -> {:ok, Order.advance(order, :paid, receipt: receipt, total: total)}
      {:error, reason} -> {:error, {:payment, reason}}
    end
  end

  defp broadcast(event) do
    Registry.dispatch(Shop.Events, :orders, fn entries ->
      for {pid, _value} <- entries, do: send(pid, event)
    end)
  end

  defp kind({kind, _detail}), do: kind
  defp kind(kind) when is_atom(kind), do: kind
end
