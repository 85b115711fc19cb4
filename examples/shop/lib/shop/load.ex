defmodule Shop.Load do
  @moduledoc """
  Customers, as many as wanted. The same number of them always buys the same things, so that what the
  shop counts afterwards is known in advance: see `expected/1`.
  """

  alias Shop.{Catalog, Inventory, Stats}

  defmodule Summary do
    @moduledoc "What a run did, as the shop counted it."
    defstruct customers: 0,
              delivered: 0,
              failed: 0,
              crashes: 0,
              calls: 0,
              messages: 0,
              by_function: %{}

    @type t :: %__MODULE__{
            customers: non_neg_integer(),
            delivered: non_neg_integer(),
            failed: non_neg_integer(),
            crashes: non_neg_integer(),
            calls: non_neg_integer(),
            messages: non_neg_integer(),
            by_function: %{optional(mfa()) => pos_integer()}
          }
  end

  @most 12
  @coupons {nil, "WELCOME", "TEA20", nil, "HALF"}

  @doc "Sends customers 1 to `customers` through the shop, `concurrency` at a time."
  @spec run(non_neg_integer(), keyword()) :: Summary.t()
  def run(customers, opts \\ []) when is_integer(customers) and customers >= 0 do
    concurrency = Keyword.get(opts, :concurrency, System.schedulers_online() * 2)
    before = restock(customers)

    results =
      1..customers//1
      |> Task.async_stream(&visit/1,
        max_concurrency: concurrency,
        ordered: false,
        timeout: :infinity
      )
      |> Enum.frequencies_by(fn {:ok, {outcome, _}} -> outcome end)

    # The books are the last to hear of an order: once they answer, everything has been counted.
    _books = Shop.Order.Pipeline.books()
    {:ok, _letters} = Shop.Mailer.sent()
    summarise(customers, results, Stats.diff(before, Stats.snapshot()))
  end

  @doc "What `run/1` has to report, derived from the rules alone."
  @spec expected(non_neg_integer()) :: %{
          delivered: non_neg_integer(),
          failed: non_neg_integer(),
          crashes: non_neg_integer()
        }
  def expected(customers) do
    failed = div(customers, 15)
    breakdowns = div(customers, 20) - div(customers, 60)
    %{delivered: customers - failed, failed: failed, crashes: failed + breakdowns}
  end

  @doc "One customer's visit."
  @spec visit(Shop.customer()) :: {:ok, Shop.Order.t()} | {:error, term()}
  def visit(customer) do
    {:ok, cart} = Shop.open_cart(customer)
    for {sku, quantity} <- wishes(customer), do: :ok = Shop.add(cart, sku, quantity)
    _total = Shop.total(cart, options(customer))
    Shop.checkout(cart, options(customer))
  end

  # Enough of everything for everyone. The answer to a call says that the casts before it are done.
  defp restock(customers) do
    skus = Catalog.skus()
    for sku <- skus, do: Inventory.restock(sku, (customers + 1) * @most)
    Enum.each(skus, &Inventory.available/1)
    Stats.snapshot()
  end

  defp wishes(customer) do
    skus = Catalog.skus()

    for i <- 0..rem(customer, 3),
        do: {Enum.at(skus, rem(customer + i, length(skus))), rem(customer * 7 + i, @most) + 1}
  end

  defp options(customer) do
    case elem(@coupons, rem(customer, tuple_size(@coupons))) do
      nil -> []
      coupon -> [coupon: coupon]
    end
  end

  defp summarise(customers, results, counted) do
    %Summary{
      customers: customers,
      delivered: Map.get(results, :ok, 0),
      failed: Map.get(results, :error, 0),
      crashes: Stats.crashes(counted),
      calls: Stats.calls(counted),
      messages: Stats.messages(counted),
      by_function: for({{:call, m, f, a}, n} <- counted, into: %{}, do: {{m, f, a}, n})
    }
  end
end
