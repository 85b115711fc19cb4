defmodule Shop.Cache do
  @moduledoc """
  Remembers results for a while. Readers go to the table; only the owner deletes what has expired.
  """

  use GenServer
  use Shop.Counted

  @table __MODULE__
  @sweep :timer.seconds(30)

  def start_link(opts), do: GenServer.start_link(__MODULE__, opts, name: __MODULE__)

  @doc "The value of a key, computed by `fun` when it is not known or too old."
  @spec fetch(term(), (() -> value)) :: value when value: var
  defcounted fetch(key, fun) when is_function(fun, 0) do
    now = System.monotonic_time(:millisecond)

    case :ets.lookup(@table, key) do
      [{^key, value, expires}] when expires > now ->
        Shop.Stats.bump(:cache_hit)
        value

      _missing_or_old ->
        Shop.Stats.bump(:cache_miss)
        value = fun.()
        :ets.insert(@table, {key, value, now + ttl()})
        value
    end
  end

  @spec size() :: non_neg_integer()
  def size, do: :ets.info(@table, :size)

  @spec clear() :: :ok
  def clear, do: GenServer.call(__MODULE__, :clear)

  defp ttl, do: Application.get_env(:shop, :cache_ttl, 1_000)

  @impl true
  def init(_opts) do
    table = :ets.new(@table, [:named_table, :public, read_concurrency: true])
    {:ok, table, {:continue, :schedule}}
  end

  @impl true
  def handle_continue(:schedule, table) do
    Process.send_after(self(), :sweep, @sweep)
    {:noreply, table}
  end

  @impl true
  defcounted handle_call(:clear, _from, table) do
    :ets.delete_all_objects(table)
    {:reply, :ok, table}
  end

  @impl true
  defcounted handle_info(:sweep, table) do
    now = System.monotonic_time(:millisecond)
    :ets.select_delete(table, [{{:_, :_, :"$1"}, [{:"=<", :"$1", now}], [true]}])
    {:noreply, table, {:continue, :schedule}}
  end
end
