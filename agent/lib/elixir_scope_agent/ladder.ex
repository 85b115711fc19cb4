defmodule ElixirScopeAgent.Ladder do
  @moduledoc """
  How much is traced when the node cannot bear all of it. Pure: what was measured and the state in, the state out.

      0 full  ->  1 no arguments  ->  2 no messages  ->  3 silent  ->  4 counts of calls only  ->  5 stopped

  Up as fast as the queue of events grows, and at least a step each time it is found too long; down one step when it has been
  short for a while, the longer the more often that went wrong. Stopped is the end: only a new plan begins again.
  """

  @names {"full", "no arguments", "no messages", "silent", "counts only", "stopped"}

  # Events that wait in the collector's queue.
  @long 10_000
  @longer 50_000
  @far_too_long 200_000
  @hopeless 2_000_000
  @short 1_000
  @max_memory 268_435_456

  @first_calm_ms 1_000
  @longest_calm_ms 60_000

  # `since`: when the level was reached, where it is above 0.
  def start, do: %{level: 0, since: nil, calm_since: nil, calm_ms: @first_calm_ms}
  def name(level), do: :erlang.element(level + 1, @names)

  @doc "Whether arguments, results and messages themselves may be sent."
  @spec arguments(map) :: :with | :without
  def arguments(%{level: level}), do: if(level >= 1, do: :without, else: :with)

  @doc "The next state: `queue` events wait, the collector has `memory` bytes."
  def step(%{level: 5} = state, _queue, _memory, _now), do: state

  def step(state, queue, memory, now) do
    level = state.level

    cond do
      queue > @hopeless or memory > 4 * @max_memory -> up(state, 5, now)
      queue > @far_too_long or memory > @max_memory -> up(state, max(4, level), now)
      queue > @longer -> up(state, min(level + 2, 4), now)
      queue > @long -> up(state, min(level + 1, 4), now)
      level == 0 or queue > @short -> %{state | calm_since: nil}
      state.calm_since == nil -> %{state | calm_since: now}
      now - state.calm_since < state.calm_ms -> state
      true -> %{at(state, level - 1, now) | calm_since: now}
    end
  end

  # At the top of what may still count, a queue that was there before is worked off: that is no new trouble.
  defp up(%{level: level} = state, level, _now), do: %{state | calm_since: nil}
  defp up(state, level, now), do: %{at(state, level, now) | calm_since: nil, calm_ms: min(state.calm_ms * 2, @longest_calm_ms)}

  defp at(state, level, now), do: %{state | level: level, since: now}
end
