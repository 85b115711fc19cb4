defmodule Shop.Catalog.DSL do
  @moduledoc """
  Writes a catalogue as a list of `product` lines; `all/0` and a `fetch/1` clause for each come of it.
  """

  defmacro __using__(_opts) do
    quote do
      import Shop.Catalog.DSL
      Module.register_attribute(__MODULE__, :products, accumulate: true)
      @before_compile Shop.Catalog.DSL
    end
  end

  @doc "Adds a product, its price in cents."
  defmacro product(sku, name, cents, opts \\ []) do
    quote bind_quoted: [sku: sku, name: name, cents: cents, opts: opts] do
      @products %Shop.Product{
        sku: sku,
        name: name,
        price: Shop.Money.new(cents),
        tags: Keyword.get(opts, :tags, [])
      }
    end
  end

  defmacro __before_compile__(env) do
    products = env.module |> Module.get_attribute(:products) |> Enum.reverse()

    clauses =
      for product <- products do
        quote do
          def fetch(unquote(product.sku)), do: {:ok, unquote(Macro.escape(product))}
        end
      end

    quote do
      @doc "Every product, in the order of the catalogue."
      @spec all() :: [Shop.Product.t()]
      def all, do: unquote(Macro.escape(products))

      @doc "The product of that number."
      @spec fetch(Shop.Product.sku()) :: {:ok, Shop.Product.t()} | {:error, :unknown_product}
      unquote_splicing(clauses)
      def fetch(_sku), do: {:error, :unknown_product}
    end
  end
end
