defmodule Shop.Product do
  @moduledoc "Something the shop sells."

  alias Shop.Money

  @enforce_keys [:sku, :name, :price]
  defstruct [:sku, :name, :price, tags: []]

  @type sku :: String.t()
  @type t :: %__MODULE__{sku: sku(), name: String.t(), price: Money.t(), tags: [atom()]}

  @spec tagged?(t(), atom()) :: boolean()
  def tagged?(%__MODULE__{tags: tags}, tag), do: tag in tags
end
