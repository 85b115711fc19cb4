defmodule Shop.Courier do
  @moduledoc """
  Delivers paid orders. For an unlucky order the van breaks down once: the process crashes, its supervisor
  starts another, and whoever waited asks again.
  """

  use GenServer
  use Shop.Counted

  alias Shop.{Order, Stats}

  @attempts 100

  def start_link(opts), do: GenServer.start_link(__MODULE__, opts, name: __MODULE__)

  @spec deliver(Order.t()) :: {:ok, Order.t()} | {:error, :undeliverable}
  defcounted deliver(%Order{status: :paid} = order) do
    attempt(order, @attempts)
  end

  defp attempt(_order, 0), do: {:error, :undeliverable}

  defp attempt(order, left) do
    try do
      GenServer.call(__MODULE__, {:deliver, order})
    catch
      :exit, {reason, {GenServer, :call, _args}} ->
        Stats.bump(:courier_retries)
        pause(reason)
        attempt(order, left - 1)
    end
  end

  # A dead process may be replaced already; a missing one needs a moment.
  defp pause(:noproc) do
    receive do
    after
      1 -> :ok
    end
  end

  defp pause(_reason), do: :ok

  @impl true
  def init(_opts) do
    Stats.bump(:courier_starts)
    {:ok, %{delivered: 0}}
  end

  @impl true
  defcounted handle_call({:deliver, order}, _from, state) do
    if Order.unlucky?(order) and Stats.first?({:breakdown, order.number}) do
      Stats.crash(__MODULE__)
      raise "the van broke down with order #{order.number}"
    end

    {:reply, {:ok, order}, Map.update!(state, :delivered, &(&1 + 1))}
  end
end
