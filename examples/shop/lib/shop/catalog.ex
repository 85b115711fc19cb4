defmodule Shop.Catalog do
  @moduledoc "What the shop sells, fixed when it is compiled."

  use Shop.Catalog.DSL

  product "TEA-GREEN", "Green tea", 450, tags: [:tea, :fragile]
  product "TEA-BLACK", "Black tea", 390, tags: [:tea]
  product "CUP-SMALL", "Small cup", 850, tags: [:china, :fragile]
  product "CUP-LARGE", "Large cup", 1_190, tags: [:china, :fragile]
  product "POT-IRON", "Iron pot", 4_900
  product "BOOK-TEA", "The book of tea", 2_250, tags: ~w(book gift)a

  @doc "Products that carry a tag, or all of several tags."
  @spec tagged(atom() | [atom()]) :: [Shop.Product.t()]
  def tagged(tags) do
    for product <- all(),
        Enum.all?(List.wrap(tags), &Shop.Product.tagged?(product, &1)),
        do: product
  end

  @spec skus() :: [Shop.Product.sku()]
  def skus, do: Enum.map(all(), & &1.sku)
end
