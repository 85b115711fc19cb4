defmodule ElixirScopeAgent.Counting do
  @moduledoc """
  What is too much is not thrown away after it was paid for: all calls (`muted`), or a function that is called too often (`hot`), are
  switched off and counted by the runtime system meanwhile. When is decided elsewhere (Protection).

  Invariant: each time that something was switched off ends with one gap, which has the count, or says that nobody knows it.
  """

  import ElixirScopeAgent.Lists

  alias ElixirScopeAgent.{Collector, Ladder, Loaded, Names, Plan, Processes, Tracer}

  @max_counted 2_000
  @hot_ms 1_000

  @doc "Calls are silent, and counted. Counting begins first: calls of the moment between are told twice rather than not at all."
  def mute(reason, until, state) do
    state = settle(state)
    functions = :lists.sublist(:lists.flatmap(&Loaded.matching/1, :maps.keys(state.patterns)), @max_counted + 1)
    counted = if length(functions) <= @max_counted, do: functions, else: :too_many
    if is_list(counted), do: count_all(true, state)
    state = %{state | muted: {reason, now(), until, counted}}
    Processes.reflag(state)
    state
  end

  @doc "Calls are told again, and how many were not."
  def unmute(state) do
    Processes.reflag(%{state | muted: nil})
    told_mute(state)
  end

  @doc "Code that came while calls were only counted was not counted itself: then nobody knows how many they were."
  def uncounted(%{muted: {reason, from, until, counted}} = state) when is_list(counted) do
    count_all(false, state)
    %{state | muted: {reason, from, until, :incomplete}}
  end

  def uncounted(state), do: state

  @doc "A function that was called too often: its pattern is off for a second, and its calls are counted."
  def heat(mfa, state) do
    # Where everything is silent it is counted already.
    if is_map_key(state.hot, mfa) or state.muted != nil do
      state
    else
      Tracer.functions(state.tracer, mfa, true, [:call_count])
      Tracer.functions(state.tracer, mfa, false, [:local])
      %{state | hot: :maps.put(mfa, {now(), now() + @hot_ms}, state.hot)}
    end
  end

  @doc "Functions whose second is over are traced again."
  def cool(%{tracer: nil} = state), do: state

  def cool(state) do
    at = now()
    :maps.fold(fn mfa, {_from, until} = heat, acc -> if(at >= until, do: told_hot(mfa, heat, again(mfa, acc)), else: acc) end, state, state.hot)
  end

  @doc "The end of a capture: what was only counted until now is told, and nothing of it is traced again."
  def tell_all(state), do: told_mute(:maps.fold(fn mfa, heat, acc -> told_hot(mfa, heat, acc) end, state, state.hot))

  # All that are hot are traced again, whatever the time.
  defp settle(state), do: :maps.fold(fn mfa, heat, acc -> told_hot(mfa, heat, again(mfa, acc)) end, state, state.hot)

  defp told_mute(%{muted: nil} = state), do: state

  defp told_mute(%{muted: {reason, from, _until, counted}} = state) do
    calls = if is_list(counted), do: :lists.sum(list_of(mfa <- counted, do: count(mfa, state))), else: 0
    if is_list(counted), do: count_all(false, state)
    unknown = if is_list(counted), do: ["return", "exception"], else: ["call", "return", "exception"]
    Collector.gap(state.collector, reason, from, %{"call" => calls}, unknown)
    %{state | muted: nil}
  end

  defp told_hot({mod, fun, arity} = mfa, {from, _until}, state) do
    calls = count(mfa, state)
    Tracer.functions(state.tracer, mfa, false, [:call_count])
    name = <<Names.module(mod)::binary, ".", :erlang.atom_to_binary(fun)::binary, "/", :erlang.integer_to_binary(arity)::binary>>
    reason = "called more often than the rate for one function allows: " <> name
    Collector.gap(state.collector, reason, from, %{"call" => calls}, ["return", "exception"])
    %{state | hot: :maps.remove(mfa, state.hot)}
  end

  # The pattern of the point it belongs to, again.
  defp again({mod, fun, _arity} = mfa, state) do
    keys = list_of key <- [mfa, {mod, fun, :_}, {mod, :_, :_}], is_map_key(state.patterns, key), do: key

    with [key | _] <- keys, {:ok, spec} <- Plan.spec(:maps.get(key, state.patterns).target, Ladder.arguments(state.ladder), state.caller_line) do
      Tracer.functions(state.tracer, mfa, spec, [:local])
    end

    state
  end

  defp count_all(how, state), do: list_of(mfa <- :maps.keys(state.patterns), do: Tracer.functions(state.tracer, mfa, how, [:call_count]))

  defp count(mfa, state) do
    case Tracer.info(state.tracer, mfa, :call_count) do
      {:call_count, n} when is_integer(n) -> n
      _ -> 0
    end
  catch
    :error, _ -> 0
  end

  defp now, do: :erlang.monotonic_time(:millisecond)
end
