defmodule Shop.Report do
  @moduledoc "What the shop looks like right now, for people."

  alias Shop.{Cart, Catalog, Inventory, Order, Stats}

  @type row :: {String.t(), non_neg_integer()}

  @doc "Products of which fewer than `limit` are left, the scarcest first."
  @spec scarce(non_neg_integer()) :: [row()]
  def scarce(limit \\ 10) do
    rows =
      for %{sku: sku, name: name} <- Catalog.all(),
          left = Inventory.available(sku),
          left < limit,
          do: {name, left}

    Enum.sort_by(rows, fn {_name, left} -> left end)
  end

  @spec summary() :: String.t()
  def summary do
    %{delivered: delivered, failed: failed, revenue: revenue} = Order.Pipeline.books()
    failures = for {reason, n} <- failed, into: "", do: ", #{n} #{reason}"
    ratio = rate(Stats.get(:cache_hit), Stats.get(:cache_miss))

    Enum.join(
      [
        "#{delivered} delivered#{failures}",
        "revenue #{revenue}",
        "#{Cart.Supervisor.open()} carts open",
        "cache hits #{ratio} %"
      ],
      "; "
    )
  end

  defp rate(0, 0), do: 0
  defp rate(hits, misses), do: div(hits * 100, hits + misses)
end
