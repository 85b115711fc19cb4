defmodule ElixirScopeAgent.Patterns do
  @moduledoc """
  The patterns of code that is loaded, and how they stay true while code comes and goes.

  Code that is loaded while a plan is in force, for the first time or anew, is traced from the moment it is there, whatever
  module it is (`on_load`), by what the first point of the plan asks for. Its first call has the collector tell of it (`{:early, …}`), and it gets
  the patterns of its own points or none. Where those ask for something else the first calls are left out and the time is told as a gap.
  At each tick it is looked, besides, whether the patterns are still there, by the patterns themselves: the same code loaded again has lost
  them.

  Invariant: `patterns` of the state has every pattern that was set, and nothing else; the collector is configured for just these.
  """

  import ElixirScopeAgent.Lists

  alias ElixirScopeAgent.{Collector, Counting, ExUnitTests, Helper, Ladder, Loaded, Names, Plan, Sender, Term, Tracer}

  @looked_at_a_tick 100

  @doc "Patterns for the targets that have none yet; modules that are not loaded are loaded by the helper first."
  def refresh(%{tracer: nil} = state), do: state

  def refresh(state) do
    {targets, refused} = Plan.targets(state.plan)
    missing = list_of target <- targets, not is_map_key(state.patterns, target.mfa), do: target
    {ready, unloaded} = :lists.partition(fn %{mfa: {mod, _, _}} -> :erlang.module_loaded(mod) end, missing)
    state = adopt(ready, %{state | refused: refused ++ failed(state)})
    modules = :lists.usort(list_of %{mfa: {mod, _, _}} <- unloaded, do: mod)

    # Looking for code that is not there costs the node's code server something: once a second.
    if modules != [] and not state.loading and now() >= state.load_at do
      Helper.load(state.helper, modules)
      changed(ready, %{state | loading: true, load_at: now() + 1_000})
    else
      changed(ready, state)
    end
  end

  @doc "The helper has loaded what it could."
  def loaded(state) do
    known = map_size(state.patterns)
    state = refresh(%{state | loading: true})
    if state.tracer != nil and (map_size(state.patterns) > known or state.ticks < 20), do: tell_planned(state)
    # What could not be loaded is tried again, but not at once.
    %{state | loading: false}
  end

  @doc "What the plan came to, to the daemon."
  def tell_planned(state) do
    matched =
      list_of {{mod, fun, arity}, pattern} <- :maps.to_list(state.patterns) do
        %{
          "point" => pattern.target.point,
          "module" => Names.module(mod),
          "function" => if(fun == :_, do: nil, else: :erlang.atom_to_binary(fun)),
          "arity" => if(arity == :_, do: nil, else: arity),
          "functions" => pattern.matched
        }
      end

    Sender.frame(state.sender, ["planned", %{"plan" => state.plan.id, "matched" => matched, "refused" => state.refused}])
  end

  @doc "Code that is loaded from now on, until it has been looked at."
  def on_load(%{plan: %{points: []}}), do: :ok
  def on_load(state), do: Tracer.functions(state.tracer, :on_load, early_spec(Ladder.arguments(state.ladder), state), [:local])

  @doc "Tells the collector how to read what comes."
  def configure(state) do
    targets = list_of {_mfa, pattern} <- :maps.to_list(state.patterns), do: pattern.target
    bare = Ladder.arguments(state.ladder) == :without

    Collector.configure(state.collector, %{
      limits: Term.limits(state.plan.depth, state.plan.size_bytes, state.plan.redact),
      results: if(bare, do: %{}, else: asked_for("result", targets)),
      exceptions: if(bare, do: %{}, else: asked_for("exceptions", targets)),
      messages: state.plan.message_payloads and not bare,
      plan: state.plan,
      early: state.early,
      rate: state.plan.rate,
      modules: :maps.from_list(list_of(%{mfa: {mod, _, _}} <- targets, do: {mod, true})),
      samples: :maps.from_list(list_of target <- targets, target.sampling < 1, mfa <- Loaded.matching(target.mfa), do: {mfa, target.sampling})
    })
  end

  @doc "Arguments may be sent again, or no longer: only patterns with arguments differ, and setting patterns takes time."
  def with_arguments_or_without(state) do
    on_load(state)
    asked = list_of {_mfa, %{target: target}} <- :maps.to_list(state.patterns), :lists.member("args", target.capture), do: target
    state = :lists.foldl(&set/2, state, asked)
    configure(state)
    state
  end

  @doc "The first call of code that was loaded just now. `how`: what became of its events until now; `at`: when, in ns of monotonic time."
  def arrived(_mod, _how, _at, %{tracer: nil} = state), do: state

  def arrived(mod, how, at, state) do
    state = if new?(mod, state), do: taken_in(mod, state), else: state
    if how == :missed, do: missed(mod, :erlang.convert_time_unit(at, :nanosecond, :millisecond), state)
    Collector.settled(state.collector, mod)
    state
  end

  @doc "Some patterns at each tick: whether they are still there, and for this code."
  def look(%{tracer: nil} = state), do: state

  def look(state) do
    {some, rest} = :lists.split(min(@looked_at_a_tick, length(state.looked_at)), state.looked_at)
    state = :lists.foldl(&look_at/2, state, some)
    %{state | looked_at: if(rest == [], do: :maps.keys(state.patterns), else: rest)}
  end

  @doc "No pattern of ours any more, nor of code that was loaded meanwhile and never called."
  def clear(state) do
    list_of mfa <- :maps.keys(state.patterns), do: Tracer.functions(state.tracer, mfa, false, [:local])
    ExUnitTests.clear(state)
    list_of mod <- :erlang.loaded(), new?(mod, state), do: Tracer.functions(state.tracer, {mod, :_, :_}, false, [:local])
    %{state | patterns: %{}, looked_at: []}
  end

  # What goes on where patterns came beside those there are.
  defp changed([], state), do: state

  defp changed(targets, state) do
    state = told(:lists.usort(list_of %{mfa: {mod, _, _}} <- targets, do: mod), state)
    if state.ticks > 0 and not state.loading, do: tell_planned(state)
    state
  end

  # The same where code took the place of code.
  defp anew(mod, state) do
    Collector.event(state.collector, :code_load, [{"module", Names.module(mod)}, {"md5", hex(Loaded.md5(mod) || "")}])
    told([mod], Counting.replaced(mod, state))
  end

  defp told(modules, state) do
    state = Counting.uncounted(state)
    configure(state)
    Helper.tell_modules(state.helper, state.sender, modules)
    state
  end

  defp missed(mod, from_ms, state),
    do: Collector.gap(state.collector, "code was loaded: " <> Names.module(mod), from_ms, %{}, ["call", "return", "exception"])

  # Whether a function, or a whole module, has no pattern but that of code that was loaded just now.
  defp new?(mod, state) when is_atom(mod), do: new?({mod, :module_info, 0}, state)

  defp new?(mfa, state) do
    case Tracer.info(state.tracer, mfa, :match_spec) do
      {:match_spec, [_ | _] = spec} -> spec == early_spec(:with, state) or spec == early_spec(:without, state)
      _ -> false
    end
  catch
    :error, _ -> false
  end

  defp early_spec(arguments, state), do: Plan.early_spec(state.early, arguments, state.caller_line)

  # New code gets its own patterns, or none.
  defp taken_in(mod, state) do
    case Plan.targets_in(mod, state.plan) do
      [] ->
        bare(mod, state)
        state

      targets ->
        # It was there before, and another version perhaps.
        known = :lists.any(fn target -> is_map_key(state.patterns, target.mfa) end, targets)
        state = adopt(targets, state)
        if known, do: anew(mod, state), else: changed(targets, state)
    end
  end

  # Patterns of modules, in place of what they have from having been loaded just now.
  defp adopt(targets, state) do
    parts = :lists.usort(list_of(%{mfa: {mod, fun, _}} <- targets, fun != :_, do: mod))
    list_of mod <- parts, new?(mod, state), do: bare(mod, state)
    :lists.foldl(&set/2, state, targets)
  end

  defp bare(mod, state) do
    list_of mfa <- ExUnitTests.spared(mod), do: Tracer.functions(state.tracer, mfa, false, [:local])
  end

  defp set(target, state) do
    {mod, _, _} = target.mfa
    {matched, error} = applied(target, state)
    pattern = %{target: target, matched: matched, error: error, probe: probe(target.mfa), md5: Loaded.md5(mod), seen: now()}
    %{state | patterns: :maps.put(target.mfa, pattern, state.patterns)}
  end

  defp applied(target, state) do
    with {:ok, spec} <- Plan.spec(target, Ladder.arguments(state.ladder), state.caller_line) do
      case Tracer.functions(state.tracer, target.mfa, spec, [:local]) do
        {:ok, n} -> {n, nil}
        {:error, reason} -> {0, Names.printed(reason, 5, 200)}
      end
    else
      {:error, why} -> {0, why}
    end
  end

  # A function by which it is seen that a pattern is there.
  defp probe({mod, :_, _}), do: {mod, :module_info, 0}

  defp probe({mod, fun, :_}) do
    case :lists.keyfind(fun, 1, Loaded.functions(mod)) do
      {^fun, arity} -> {mod, fun, arity}
      _ -> nil
    end
  end

  defp probe(mfa), do: mfa

  defp failed(state) do
    list_of {mfa, %{error: error} = pattern} when error != nil <- :maps.to_list(state.patterns) do
      %{"point" => pattern.target.point, "function" => Names.printed(mfa, 5, 200), "reason" => error}
    end
  end

  defp asked_for(what, targets), do: :maps.from_list(list_of target <- targets, :lists.member(what, target.capture), do: {target.mfa, true})

  defp look_at({mod, _, _} = mfa, state) do
    case state.patterns do
      %{^mfa => pattern} ->
        cond do
          not :erlang.module_loaded(mod) -> %{state | patterns: :maps.remove(mfa, state.patterns)}
          Loaded.md5(mod) == pattern.md5 and in_force?(pattern, state) -> %{state | patterns: :maps.put(mfa, %{pattern | seen: now()}, state.patterns)}
          true -> reloaded(mod, pattern, state)
        end

      _ ->
        state
    end
  end

  defp in_force?(%{matched: 0} = pattern, state), do: pattern.error != nil or probe(pattern.target.mfa) == nil or is_map_key(state.hot, pattern.probe)
  defp in_force?(%{probe: nil}, _state), do: true

  defp in_force?(pattern, state) do
    is_map_key(state.hot, pattern.probe) or
      case Tracer.info(state.tracer, pattern.probe, :traced) do
        {:traced, :local} -> not new?(pattern.probe, state)
        _ -> false
      end
  end

  # Where it was traced from the start nothing is missing, or its first call says what is.
  defp reloaded(mod, pattern, state) do
    if new?(mod, state) do
      taken_in(mod, state)
    else
      missed(mod, pattern.seen, state)
      anew(mod, set(pattern.target, state))
    end
  end

  defp hex(bytes),
    do: for(<<nibble::4 <- bytes>>, into: <<>>, do: <<:erlang.element(nibble + 1, {?0, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?a, ?b, ?c, ?d, ?e, ?f})>>)

  defp now, do: :erlang.monotonic_time(:millisecond)
end
