defmodule Shop.Payment.Card do
  @moduledoc "Cards, up to a limit."

  @behaviour Shop.Payment
  @limit 500_000

  @impl true
  def charge(_customer, %{cents: cents}) when cents > @limit, do: {:error, :over_limit}

  def charge(customer, amount) do
    reference = :erlang.phash2({customer, amount.cents}) |> Integer.to_string(36)
    {:ok, %{method: :card, reference: "C-" <> reference, amount: amount}}
  end
end
