defmodule ElixirScopeAgent.Counting do
  @moduledoc """
  What is too much is not thrown away after it was paid for: all calls (`muted`), or a function that is called too often (`hot`), are
  switched off and counted by the runtime system meanwhile. When is decided elsewhere (Protection).

  Invariant: each time that something was switched off ends with a gap, which has the count, or says that nobody knows it. Where all calls were
  silent, the gap comes before what is told again, so that no return finds a call from before; what was counted in the moment between is a gap of its own.
  """

  import ElixirScopeAgent.Lists

  alias ElixirScopeAgent.{Collector, Ladder, Loaded, Names, Plan, Processes, Tracer}

  @max_counted 2_000
  @hot_ms 1_000

  @doc "Calls are silent, and counted. Counting begins first: calls of the moment between are told twice rather than not at all."
  def mute(reason, until, state) do
    state = settle(state)
    # A function has the pattern of its module, and one of its own perhaps.
    functions = :lists.sublist(:lists.usort(:lists.flatmap(&Loaded.matching/1, :maps.keys(state.patterns))), @max_counted + 1)
    counted = if length(functions) <= @max_counted, do: functions, else: :too_many
    if is_list(counted), do: count_all(true, state)
    state = %{state | muted: {reason, now(), until, counted}}
    Processes.reflag(state)
    state
  end

  @doc "Calls are told again, and how many were not."
  def unmute(state) do
    calls = tell_silent(nil, state)
    Processes.reflag(%{state | muted: nil})
    ended(calls, state)
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

  @doc "Other code has taken the place of a module's: what was counted of it is gone."
  def replaced(mod, state),
    do: :maps.fold(fn {of, _, _} = mfa, heat, acc -> if(of == mod, do: told_hot(mfa, heat, acc), else: acc) end, state, state.hot)

  # All that are hot are traced again, whatever the time.
  defp settle(state), do: :maps.fold(fn mfa, heat, acc -> told_hot(mfa, heat, again(mfa, acc)) end, state, state.hot)

  defp told_mute(%{muted: nil} = state), do: state
  defp told_mute(state), do: ended(nil, state)

  # `told`: how many calls are told already.
  defp ended(told, %{muted: {_reason, _from, _until, counted}} = state) do
    tell_silent(told, state)
    if is_list(counted), do: count_all(false, state)
    %{state | muted: nil}
  end

  # How many there were; what is told, if anything, is those beyond.
  defp tell_silent(told, %{muted: {reason, from, _until, counted}} = state) when is_list(counted) do
    calls = :lists.sum(list_of(mfa <- counted, do: count(mfa, state) || 0))
    if calls != told, do: Collector.gap(state.collector, reason, from, %{"call" => calls - (told || 0)}, ["return", "exception"])
    calls
  end

  defp tell_silent(told, %{muted: {reason, from, _until, _unknown}} = state) do
    Collector.gap(state.collector, reason, from, %{}, ["call", "return", "exception"])
    told
  end

  defp told_hot({mod, fun, arity} = mfa, {from, _until}, state) do
    calls = count(mfa, state)
    Tracer.functions(state.tracer, mfa, false, [:call_count])
    name = <<Names.module(mod)::binary, ".", :erlang.atom_to_binary(fun)::binary, "/", :erlang.integer_to_binary(arity)::binary>>
    reason = "called more often than the rate for one function allows: " <> name
    {dropped, unknown} = if calls == nil, do: {%{}, ["call"]}, else: {%{"call" => calls}, []}
    Collector.gap(state.collector, reason, from, dropped, unknown ++ ["return", "exception"])
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

  # Since counting began; nil where nothing counts any more.
  defp count(mfa, state) do
    case Tracer.info(state.tracer, mfa, :call_count) do
      {:call_count, n} when is_integer(n) -> n
      _ -> nil
    end
  catch
    :error, _ -> nil
  end

  defp now, do: :erlang.monotonic_time(:millisecond)
end
