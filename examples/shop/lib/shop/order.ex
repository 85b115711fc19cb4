defmodule Shop.Order do
  @moduledoc "A cart that somebody has bought."

  alias Shop.{Cart, Money}

  @statuses ~w(new reserved paid delivered failed)a

  @enforce_keys [:number, :cart]
  defstruct [:number, :cart, :receipt, status: :new, total: %Money{cents: 0}, history: []]

  @type status :: :new | :reserved | :paid | :delivered | :failed
  @type t :: %__MODULE__{
          number: pos_integer(),
          cart: Cart.t(),
          receipt: Shop.Payment.receipt() | nil,
          status: status(),
          total: Money.t(),
          history: [status()]
        }

  @doc "A new order; numbers only ever grow."
  @spec new(Cart.t()) :: t()
  def new(%Cart{} = cart),
    do: %__MODULE__{number: System.unique_integer([:positive, :monotonic]), cart: cart}

  @spec advance(t(), status(), keyword()) :: t()
  def advance(%__MODULE__{status: old} = order, status, changes \\ []) when status in @statuses do
    order |> struct!(changes) |> Map.merge(%{status: status, history: [old | order.history]})
  end

  @doc "Whether the courier's van breaks down over this order, on purpose."
  @spec unlucky?(t()) :: boolean()
  def unlucky?(%__MODULE__{cart: %{customer: customer}}), do: rem(customer, 20) == 0
end
