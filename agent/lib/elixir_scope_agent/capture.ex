defmodule ElixirScopeAgent.Capture do
  @moduledoc """
  The beginning and the end of a capture: what a plan sets in force, and how all of it is undone.

  Invariant: `tracer` of the state is nil where, and only where, nothing is traced; after `clear` no flag and no pattern of ours is left,
  and what was only counted has been told.
  """

  alias ElixirScopeAgent.{Collector, Counting, Helper, Ladder, Patterns, Plan, Processes, Sender, Tracer}

  @delivered_ms 1_000

  @doc "The plan in force from now on, in place of the one before."
  def begin(raw, state) do
    state = finish("another plan", state)

    with {:ok, plan} <- Plan.read(raw), {:ok, tracer} <- Tracer.start(state.collector, state.trace) do
      traced(plan, %{fresh(plan, state) | raw_plan: raw, tracer: tracer})
    else
      {:error, message} ->
        outcome = %{"plan" => id(raw), "error" => message, "matched" => [], "refused" => [%{"point" => nil, "reason" => message}]}
        Sender.frame(state.sender, ["planned", outcome])
        %{state | raw_plan: raw, plan: nil}
    end
  end

  @doc "The plan is in force no longer, and the daemon is told why."
  def finish(_reason, %{tracer: nil} = state), do: state

  def finish(reason, state) do
    state = clear(state)
    Collector.event(state.collector, :capture_end, [{"reason", reason}, {"plan", state.plan.id}])
    state
  end

  @doc "No flag, no pattern of ours."
  def clear(%{tracer: nil} = state), do: state

  def clear(state) do
    Tracer.functions(state.tracer, :on_load, false, [:local])
    Processes.clear(state)
    state = Patterns.clear(Counting.tell_all(state))
    delivered(state)
    Tracer.stop(state.tracer)
    Helper.follow(state.helper, nil)
    %{state | tracer: nil, hot: %{}, muted: nil, tests: :unknown}
  end

  @doc "Returns when every event until now is in the collector's queue."
  def delivered(%{tracer: nil}), do: :ok
  def delivered(state), do: Tracer.delivered(state.tracer, @delivered_ms)

  defp fresh(plan, state) do
    at = :erlang.monotonic_time(:millisecond)

    %{
      state
      | plan: plan,
        early: Plan.early(plan),
        loading: state.loading or preloads?(state),
        ladder: Ladder.start(),
        muted: nil,
        hot: %{},
        began: at,
        load_at: at,
        ticks: 0,
        totals: %{events: 0, bytes: 0},
        window: {at, %{}}
    }
  end

  defp traced(plan, state) do
    Collector.event(state.collector, :capture_start, [{"plan", plan.id}, {"points", plan.points}])
    Patterns.configure(state)
    Patterns.on_load(state)
    if plan.messages, do: Tracer.receives(state.tracer, true)
    Processes.trace(state)
    if preloads?(state), do: Helper.preload(state.helper, plan)
    state = Patterns.refresh(state)
    if plan.lifecycle, do: Helper.follow(state.helper, state.collector)
    if not state.loading, do: Patterns.tell_planned(state)
    state
  end

  defp preloads?(state), do: :maps.get(:preload, state.options, false) == true

  defp id(%{"id" => id}) when is_binary(id), do: id
  defp id(_), do: ""
end
