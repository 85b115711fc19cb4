defmodule Shop.Pricing.Rule do
  @moduledoc "A reason to pay less."

  @doc "How much a cart is reduced by; nothing is an amount of zero."
  @callback discount(Shop.Cart.t(), keyword()) :: Shop.Money.t()

  @doc "A name for receipts."
  @callback label() :: String.t()
  @optional_callbacks label: 0

  defmacro __using__(opts) do
    quote do
      @behaviour Shop.Pricing.Rule
      alias Shop.{Cart, Money}

      @impl true
      def label, do: unquote(opts[:label] || "Discount")
      defoverridable label: 0
    end
  end
end
