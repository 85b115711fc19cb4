defmodule Shop.Stats do
  @moduledoc """
  Exact counters of what happened: calls by function, crashes by module, anything by name.

  The table belongs to the process that starts the application, so it outlives every process that counts.
  """

  @table __MODULE__

  @type counter :: {:call, module(), atom(), arity()} | {:crash, module()} | atom()

  @doc "Makes the table. Called once, before anything counts."
  @spec create() :: :ok
  def create do
    @table = :ets.new(@table, [:named_table, :public, :set, write_concurrency: true])
    :ok
  end

  @doc "Counts one."
  @spec bump(counter(), pos_integer()) :: pos_integer()
  def bump(counter, by \\ 1), do: :ets.update_counter(@table, counter, by, {counter, 0})

  @doc false
  def call(module, name, arity), do: bump({:call, module, name, arity})

  @doc "Counts a crash that its caller is about to cause."
  @spec crash(module()) :: pos_integer()
  def crash(module), do: bump({:crash, module})

  @doc "True the first time it is asked about a key, false ever after."
  @spec first?(term()) :: boolean()
  def first?(key), do: :ets.insert_new(@table, {{:seen, key}, 1})

  @spec get(counter()) :: non_neg_integer()
  def get(counter) do
    case :ets.lookup(@table, counter) do
      [{^counter, n}] -> n
      [] -> 0
    end
  end

  @doc "Everything counted so far."
  @spec snapshot() :: %{optional(counter()) => pos_integer()}
  def snapshot do
    for {counter, n} <- :ets.tab2list(@table), not match?({:seen, _}, counter), into: %{} do
      {counter, n}
    end
  end

  @doc "How much each counter grew between two snapshots."
  @spec diff(map(), map()) :: map()
  def diff(before, later) do
    for {counter, n} <- later, n != Map.get(before, counter, 0), into: %{} do
      {counter, n - Map.get(before, counter, 0)}
    end
  end

  @doc "Messages handled by the shop's servers, in a snapshot."
  @spec messages(map()) :: non_neg_integer()
  def messages(snapshot) do
    Enum.reduce(snapshot, 0, fn
      {{:call, _module, name, _arity}, n}, sum
      when name in [:handle_call, :handle_cast, :handle_info] ->
        sum + n

      _other, sum ->
        sum
    end)
  end

  @spec calls(map()) :: non_neg_integer()
  def calls(snapshot), do: Enum.sum(for {{:call, _, _, _}, n} <- snapshot, do: n)

  @spec crashes(map()) :: non_neg_integer()
  def crashes(snapshot), do: Enum.sum(for {{:crash, _}, n} <- snapshot, do: n)

  @spec reset() :: true
  def reset, do: :ets.delete_all_objects(@table)
end
