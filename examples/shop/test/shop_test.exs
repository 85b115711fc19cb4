defmodule ShopTest do
  use ExUnit.Case

  doctest Shop
  doctest Shop.Money

  import Shop.Factory

  describe "a visit" do
    test "ends with a delivered order" do
      assert {:ok, %Shop.Order{status: :delivered, history: [:paid, :reserved, :new]}} =
               Shop.Load.visit(1)
    end

    test "of an unlucky customer survives the courier's crash" do
      courier = Process.whereis(Shop.Courier)
      assert {:ok, %Shop.Order{status: :delivered}} = Shop.Load.visit(20)
      refute Process.whereis(Shop.Courier) == courier
    end

    test "fails when the payment crashes, and gives the stock back" do
      stock = Map.new(Shop.Catalog.skus(), &{&1, Shop.stock(&1)})
      assert {:error, {:payment, {:crashed, "the printer chokes" <> _}}} = Shop.Load.visit(15)
      assert stock == Map.new(Shop.Catalog.skus(), &{&1, Shop.stock(&1)})
    end

    test "with an empty cart is refused" do
      {:ok, cart} = Shop.open_cart(4_000)
      assert {:error, :empty} = Shop.checkout(cart)
      refute Process.alive?(cart)
    end

    test "for an unknown product is refused" do
      {:ok, cart} = Shop.open_cart(4_001)
      assert {:error, :unknown_product} = Shop.add(cart, "NO-SUCH")
      assert Shop.describe(Shop.Cart.Server.contents(cart)) =~ "0 items"
    end
  end

  test "the load generator counts what the rules say" do
    summary = Shop.Load.run(60)
    assert Map.take(summary, [:delivered, :failed, :crashes]) == Shop.Load.expected(60)
    assert summary.by_function[{Shop.Order.Pipeline, :submit, 2}] == 60
    assert summary.messages > 0
  end

  test "money, products, carts and everything else can be described" do
    assert Shop.describe(hd(Shop.products())) == "Green tea at 4.50 €"

    assert Shop.describe([cart([{"POT-IRON", 2}]), :other]) ==
             "cart of customer 1: 2 items, 98.00 €; :other"
  end
end
