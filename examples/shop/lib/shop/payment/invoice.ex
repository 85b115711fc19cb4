defmodule Shop.Payment.Invoice do
  @moduledoc "Invoices. Every fifteenth customer's address makes the printer crash, on purpose."

  @behaviour Shop.Payment

  defmodule PrinterError do
    @moduledoc false
    defexception [:customer]

    @impl true
    def message(%{customer: customer}), do: "the printer chokes on customer #{customer}"
  end

  @impl true
  def charge(customer, amount) do
    {:ok, %{method: :invoice, reference: print!(customer), amount: amount}}
  end

  defp print!(customer) when rem(customer, 15) == 0 do
    Shop.Stats.crash(__MODULE__)
    raise PrinterError, customer: customer
  end

  defp print!(customer), do: "I-#{customer}"
end
