defmodule Shop.Payment do
  @moduledoc "Takes money, each way of paying in its own module, each attempt in its own task."

  use Shop.Counted

  require Shop.Money
  alias Shop.Money

  @type receipt :: %{method: atom(), reference: String.t(), amount: Money.t()}

  @callback charge(Shop.customer(), Money.t()) :: {:ok, receipt()} | {:error, atom()}

  @timeout 5_000

  @doc "Charges a customer; a crash of the method is a refusal."
  @spec charge(atom(), Shop.customer(), Money.t()) :: {:ok, receipt()} | {:error, term()}
  defcounted charge(method, customer, amount) when Money.is_payable(amount) do
    task =
      Task.Supervisor.async_nolink(Shop.Payments, module(method), :charge, [customer, amount])

    case Task.yield(task, @timeout) || Task.shutdown(task) do
      {:ok, result} ->
        result

      {:exit, {%{__exception__: true} = error, _stack}} ->
        {:error, {:crashed, Exception.message(error)}}

      {:exit, reason} ->
        {:error, {:crashed, reason}}

      nil ->
        {:error, :timeout}
    end
  end

  defcounted charge(_method, _customer, _amount) do
    {:error, :nothing_to_pay}
  end

  @doc "The method a customer pays by."
  @spec method(Shop.customer()) :: :card | :invoice
  def method(customer) when rem(customer, 3) == 0, do: :invoice
  def method(_customer), do: :card

  defp module(:card), do: Shop.Payment.Card
  defp module(:invoice), do: Shop.Payment.Invoice
end
