defmodule Shop.Pricing.Coupon do
  @moduledoc "Codes that customers know."

  use Shop.Pricing.Rule

  import Shop.Money, only: [sigil_M: 2]

  @impl true
  def discount(cart, opts) do
    case {Keyword.get(opts, :coupon), Cart.subtotal(cart)} do
      {"WELCOME", %Money{cents: cents}} when cents >= 2_000 -> ~M(5.00)
      {"HALF", subtotal} -> Money.times(subtotal, 0.5)
      {"TEA" <> percent, subtotal} -> Money.times(subtotal, percentage(percent))
      _ -> ~M(0)
    end
  end

  @impl true
  def label, do: "Coupon, from #{super()}"

  defp percentage(text) do
    case Integer.parse(text) do
      {n, ""} when n in 1..50 -> n / 100
      _ -> 0.0
    end
  end
end
