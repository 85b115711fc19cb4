defmodule Shop.Money do
  @moduledoc "An amount in cents. Amounts of different currencies never meet."

  @enforce_keys [:cents]
  defstruct cents: 0, currency: :EUR

  @type currency :: :EUR | :USD
  @type t :: %__MODULE__{cents: integer(), currency: currency()}

  @symbols %{EUR: "€", USD: "$"}

  @doc "Whether a term is an amount that somebody can be asked to pay."
  defguard is_payable(money)
           when is_struct(money, __MODULE__) and :erlang.map_get(:cents, money) > 0

  @spec new(integer(), currency()) :: t()
  def new(cents, currency \\ :EUR) when is_integer(cents),
    do: %__MODULE__{cents: cents, currency: currency}

  @doc """
  Reads an amount.

      iex> import Shop.Money
      iex> ~M(12.50)
      %Shop.Money{cents: 1250, currency: :EUR}
  """
  defmacro sigil_M({:<<>>, _, [text]}, _modifiers) do
    {:ok, money} = parse(text)
    Macro.escape(money)
  end

  @spec parse(String.t()) :: {:ok, t()} | :error
  def parse(text) do
    case Regex.run(~r/^(-?)(\d+)(?:\.(\d{2}))?$/, String.trim(text)) do
      [_, sign, units] -> {:ok, new(signed(sign, units, "00"))}
      [_, sign, units, cents] -> {:ok, new(signed(sign, units, cents))}
      nil -> :error
    end
  end

  @spec add(t(), t()) :: t()
  def add(%__MODULE__{currency: c} = a, %__MODULE__{currency: c} = b),
    do: %{a | cents: a.cents + b.cents}

  @spec subtract(t(), t()) :: t()
  def subtract(a, b), do: add(a, times(b, -1))

  @spec times(t(), number()) :: t()
  def times(%__MODULE__{cents: cents} = money, n) when is_integer(n),
    do: %{money | cents: cents * n}

  def times(%__MODULE__{cents: cents} = money, n) when is_float(n),
    do: %{money | cents: round(cents * n)}

  @spec sum([t()]) :: t()
  def sum(amounts), do: Enum.reduce(amounts, new(0), &add/2)

  defp signed("-", units, cents), do: -signed("", units, cents)
  defp signed("", units, cents), do: String.to_integer(units) * 100 + String.to_integer(cents)

  defimpl String.Chars do
    def to_string(%{cents: cents, currency: currency}) do
      sign = if cents < 0, do: "-", else: ""
      <<sign::binary, units(abs(cents))::binary, " ", Shop.Money.symbol(currency)::binary>>
    end

    defp units(cents),
      do:
        "#{div(cents, 100)}.#{cents |> rem(100) |> Integer.to_string() |> String.pad_leading(2, "0")}"
  end

  @doc false
  def symbol(currency), do: Map.get(@symbols, currency, Atom.to_string(currency))
end
