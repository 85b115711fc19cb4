defmodule Shop.Pricing do
  @moduledoc "Prices carts: subtotal, then every rule in turn, then tax. Rules can be changed while it runs."

  use GenServer
  use Shop.Counted

  alias Shop.{Cache, Cart, Money}

  @tax 0.19

  def start_link(opts), do: GenServer.start_link(__MODULE__, opts, name: __MODULE__)

  @doc "What a cart costs. Options go to the rules, for instance `coupon: \"WELCOME\"`."
  @spec total(Cart.t(), keyword()) :: Money.t()
  defcounted total(%Cart{} = cart, opts \\ []) do
    Cache.fetch({:total, cart.lines, opts}, fn -> compute(cart, opts) end)
  end

  @spec rules() :: [module()]
  def rules, do: GenServer.call(__MODULE__, :rules)

  @spec put_rules([module()]) :: :ok
  def put_rules(rules) when is_list(rules), do: GenServer.call(__MODULE__, {:put_rules, rules})

  @impl true
  def init(opts), do: {:ok, Keyword.fetch!(opts, :rules)}

  @impl true
  defcounted handle_call(:rules, _from, rules) do
    {:reply, rules, rules}
  end

  defcounted handle_call({:put_rules, rules}, _from, _old) do
    {:reply, Cache.clear(), rules}
  end

  defp compute(cart, opts) do
    subtotal = Cart.subtotal(cart)
    discount = rules() |> Enum.map(& &1.discount(cart, opts)) |> Money.sum()
    subtotal |> Money.subtract(discount) |> with_tax()
  end

  defp with_tax(money), do: Money.add(money, Money.times(money, @tax))
end
