defmodule Shop.PricingTest do
  use ExUnit.Case, async: true

  import Shop.Factory
  import Shop.Money

  alias Shop.Pricing.{BulkDiscount, Coupon}

  for {quantity, cents} <- [{1, 0}, {9, 0}, {10, 450}, {100, 9_000}] do
    test "#{quantity} of a product are reduced by #{cents} cents" do
      cart = cart([{"TEA-GREEN", unquote(quantity)}])
      assert BulkDiscount.discount(cart, []) == new(unquote(cents))
    end
  end

  test "coupons" do
    cart = cart([{"POT-IRON", 1}])
    assert Coupon.discount(cart, coupon: "WELCOME") == ~M(5.00)
    assert Coupon.discount(cart, coupon: "HALF") == ~M(24.50)
    assert Coupon.discount(cart, coupon: "TEA10") == ~M(4.90)
    assert Coupon.discount(cart, coupon: "TEA99") == ~M(0.00)
    assert Coupon.discount(cart, []) == ~M(0)
  end

  test "a total holds discounts and tax" do
    assert Shop.Pricing.total(cart([{"POT-IRON", 1}])) == ~M(58.31)
    assert Shop.Pricing.total(cart([{"POT-IRON", 1}]), coupon: "HALF") == new(2_916)
  end
end
