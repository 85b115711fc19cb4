defmodule ElixirScopeAgent.Protection do
  @moduledoc """
  How the node is kept safe while it is traced: the ladder by the collector's queue, the rate of one function by what the collector has
  sealed, the limits of the plan. It decides; what is then done is done by others (Counting, Processes, Patterns, Capture).
  """

  alias ElixirScopeAgent.{Capture, Collector, Counting, Ladder, Patterns, Processes}

  @muted_ms 1_000
  @window_ms 1_000

  @doc "Every tick."
  def tick(state), do: state |> watch() |> Counting.cool() |> unmute()

  @doc "A batch was sealed: `n` events, `bytes` of it, how many of each function."
  def account(n, bytes, by_function, state) do
    state = %{state | totals: %{events: state.totals.events + n, bytes: state.totals.bytes + bytes}}
    if state.tracer == nil or state.plan == nil, do: state, else: rates(by_function, state)
  end

  @doc "The collector has as many events as the rate allows, and drops more: until it may take some again, the node does not pay for them."
  def over(%{tracer: tracer, muted: nil} = state) when tracer != nil, do: Counting.mute("more events than the rate allows", now() + @muted_ms, state)
  def over(state), do: state

  @doc "The limits of the plan: the end of the capture where one is reached."
  def limits(%{tracer: nil} = state), do: state

  def limits(%{plan: plan, totals: totals} = state) do
    cond do
      plan.duration_ms != nil and now() - state.began >= plan.duration_ms -> Capture.finish("the time of the plan is over", state)
      plan.events != nil and totals.events >= plan.events -> Capture.finish("the events of the plan are reached", state)
      plan.bytes != nil and totals.bytes >= plan.bytes -> Capture.finish("the bytes of the plan are reached", state)
      true -> state
    end
  end

  defp watch(state) do
    case :erlang.process_info(state.collector, [:message_queue_len, :memory]) do
      [message_queue_len: queue, memory: memory] ->
        ladder = Ladder.step(state.ladder, queue, memory, now())
        if ladder.level == state.ladder.level or state.tracer == nil, do: %{state | ladder: ladder}, else: climb(ladder, queue, state)

      _ ->
        state
    end
  end

  defp climb(%{level: 5} = ladder, queue, state) do
    Collector.gap(state.collector, "too much to trace: stopped at " <> :erlang.integer_to_binary(queue) <> " events that wait", now(), %{}, [])
    state = Capture.clear(%{state | ladder: ladder})
    Collector.event(state.collector, :capture_end, [{"reason", "the node could not bear it"}])
    state
  end

  defp climb(ladder, queue, state) do
    before = state.ladder
    state = %{state | ladder: ladder}
    tell(before, ladder, queue, state)

    # Flags first: they are one step for all processes. But where calls become silent they are counted before.
    state = if ladder.level >= 3 and state.muted == nil, do: Counting.mute("the ladder", nil, state), else: reflagged(state)
    if Ladder.arguments(before) != Ladder.arguments(ladder), do: Patterns.with_arguments_or_without(state), else: state
  end

  # What is left out from now on, and what was until now. Calls that are not told are a gap of their own (Counting).
  defp tell(before, ladder, queue, state) do
    words = ["the ladder: ", Ladder.name(before.level), " -> ", Ladder.name(ladder.level), ", ", :erlang.integer_to_binary(queue), " events wait"]
    from = if before.level == 0, do: now(), else: before.since
    left_out = :lists.usort(Processes.left_out(state.plan, before) ++ Processes.left_out(state.plan, ladder))
    Collector.degraded(state.collector, :erlang.iolist_to_binary(words), from, left_out)
  end

  defp reflagged(state) do
    Processes.reflag(state)
    state
  end

  defp unmute(%{muted: {_reason, _from, until, _counted}, tracer: tracer} = state) when tracer != nil do
    over = state.ladder.level < 3 and (until == nil or now() >= until)
    if over, do: Counting.unmute(state), else: state
  end

  defp unmute(state), do: state

  defp rates(by_function, state) do
    {since, window} = state.window
    window = if now() - since >= @window_ms, do: %{}, else: window
    since = if window == %{}, do: now(), else: since
    {window, state} = :maps.fold(&rate/3, {window, state}, by_function)
    %{state | window: {since, window}}
  end

  defp rate(mfa, n, {window, state}) do
    sum = :maps.get(mfa, window, 0) + n
    {:maps.put(mfa, sum, window), if(sum > state.plan.rate_function, do: Counting.heat(mfa, state), else: state)}
  end

  defp now, do: :erlang.monotonic_time(:millisecond)
end
