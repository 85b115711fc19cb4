defmodule ElixirScopeAgent.Sampling do
  @moduledoc """
  A call is taken or not by chance, and its return goes with it: what was decided is kept for each process and function, the last
  call on top. Part of the collector's state (`sampled`), bounded.
  """

  # Processes whose decisions are kept: beyond it all of them are forgotten.
  @max_kept 50_000
  # Recursion deeper than this is a loop that never returns: its decisions are forgotten.
  @max_depth 1_000

  @doc "Whether this call is taken."
  def take(pid, mfa, state) do
    case state.config.samples do
      %{^mfa => share} ->
        taken = :rand.uniform() < share
        {taken, pushed(pid, mfa, taken, state)}

      _ ->
        {true, state}
    end
  end

  @doc "Whether the call that this is the end of was taken."
  def taken(pid, mfa, state) do
    case state do
      %{config: %{samples: %{^mfa => _}}, sampled: %{^pid => %{^mfa => [taken | stack]} = of_pid}} ->
        {taken, %{state | sampled: :maps.put(pid, :maps.put(mfa, stack, of_pid), state.sampled)}}

      _ ->
        {true, state}
    end
  end

  defp pushed(pid, mfa, taken, state) do
    kept = if map_size(state.sampled) >= @max_kept, do: %{}, else: state.sampled
    of_pid = :maps.get(pid, kept, %{})
    stack = :maps.get(mfa, of_pid, [])
    stack = if length(stack) >= @max_depth, do: [], else: stack
    %{state | sampled: :maps.put(pid, :maps.put(mfa, [taken | stack], of_pid), kept)}
  end
end
