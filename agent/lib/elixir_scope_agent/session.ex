defmodule ElixirScopeAgent.Session do
  @moduledoc """
  One start of the agent: it has the plan, sets the tracing accordingly and watches, every 50 ms and at high priority, whether the
  node can bear it. It starts the collector, the sender and the helper and ends with any of them; however it ends, no flag
  and no pattern of its own stays.

  Patterns: code that is loaded while a plan is in force, for the first time or anew, is traced from the moment it is there, whatever
  module it is (`on_load`), by what the first point of the plan asks for. Its first call has the collector tell of it (`{:early, …}`), and it gets
  the patterns of its own points or none. Where those ask for something else the first calls are left out and the time is told as a gap.
  At each tick it is looked, besides, whether the patterns are still there, by the patterns themselves: the same code loaded again has lost
  them.

  What is too much is not thrown away after it was paid for: a function that is called too often, or all of them, are switched
  off for a while and counted by the runtime system meanwhile; the count is in the gap.
  """

  import ElixirScopeAgent.Lists

  @behaviour :gen_server

  alias ElixirScopeAgent.{Collector, Helper, Ladder, Names, Plan, Sender, Tracer}

  @tick_ms 50
  @looked_at_a_tick 100
  @max_counted 2_000
  @all_flags [:call, :procs, :send, :receive, :running, :garbage_collection, :silent, :set_on_spawn]
  @never [
    :user,
    :standard_error,
    :standard_error_sup,
    :init,
    :erl_prim_loader,
    :code_server,
    :logger,
    :logger_sup,
    :logger_proxy,
    :logger_handler_watcher,
    :logger_std_h_default,
    :erts_code_purger,
    :kernel_sup,
    :kernel_safe_sup,
    :file_server_2,
    :inet_db,
    Logger,
    Logger.Supervisor,
    Logger.BackendSupervisor
  ]

  @doc """
  Options: `address` (`{:local, path}` or `{host, port}`), `token`, `plan` (a map, traced from the start), `budget` (bytes kept for the
  daemon), `linger_ms` (how long the capture goes on without a daemon), `tests` (whether ExUnit's tests are told), `app`,
  `owner` (a process whose end ends the agent), `trace` (the module of trace sessions), `unload` (the agent's modules go with it), `preload` (code that the plan is for is loaded from
  the project's build before anything else goes on).
  """
  def start_link(options), do: :gen_server.start_link({:local, __MODULE__}, __MODULE__, options, [])
  def start(options), do: :gen_server.start({:local, __MODULE__}, __MODULE__, options, [])

  @doc "Returns once the plan is in force for all the code there is."
  def sync(timeout \\ 5_000), do: safely(:sync, timeout)

  @doc "Returns once everything until now is on the daemon's disk, or the time is over."
  def drain(timeout \\ 5_000), do: safely(:drain, timeout)

  @doc "Ends the capture and the agent; nothing of it stays."
  def stop(reason \\ "stopped", timeout \\ 10_000), do: safely({:stop, reason}, timeout)

  @doc "Returns once the daemon has answered (and its plan is in force), or the time is over."
  def ready(timeout), do: safely(:ready, timeout)

  def stats, do: safely(:stats, 5_000)

  defp safely(request, timeout) do
    :gen_server.call(__MODULE__, request, timeout)
  catch
    :exit, _ -> :error
  end

  @impl true
  def init(options) do
    :erlang.process_flag(:trap_exit, true)
    :erlang.process_flag(:priority, :high)
    owner = :maps.get(:owner, options, nil)
    if is_pid(owner), do: :erlang.monitor(:process, owner)

    buffered = :atomics.new(1, [])
    id = :erlang.element(1, :rand.bytes_s(16, :rand.seed_s(:exsss)))
    trace = :maps.get(:trace, options, :trace)
    hello = hello(id, trace, options)
    sender = Sender.start_link(%{session: self(), address: options.address, buffered: buffered, hello: hello})
    collector = Collector.start_link(%{session: self(), sender: sender, buffered: buffered, budget: :maps.get(:budget, options, 33_554_432)})

    state = %{
      options: options,
      trace: trace,
      sender: sender,
      collector: collector,
      helper: Helper.start_link(self()),
      buffered: buffered,
      caller_line: Tracer.caller_line?(),
      owner: owner,
      tracer: nil,
      plan: nil,
      raw_plan: nil,
      early: nil,
      # mfa of a pattern => %{target, spec, matched, probe, md5, seen}
      patterns: %{},
      looked_at: [],
      refused: [],
      loading: false,
      load_at: now(),
      syncs: [],
      ready: [],
      ladder: Ladder.start(),
      # {reason, from, until or nil}: calls are silent and counted
      muted: nil,
      hot: %{},
      window: {now(), %{}},
      tokens: 0,
      totals: %{events: 0, bytes: 0},
      began: now(),
      ticks: 0,
      ticked: now(),
      gone: now(),
      draining: %{},
      at_exit: false,
      tests: :unknown
    }

    :erlang.send_after(@tick_ms, self(), :tick)

    case :maps.get(:plan, options, nil) do
      nil -> {:ok, state}
      plan -> {:ok, apply_plan(plan, state)}
    end
  end

  @impl true
  def handle_call(:sync, from, state) do
    state = hooks(refresh(%{state | load_at: now()}))
    if state.loading, do: {:noreply, %{state | syncs: [from | state.syncs]}}, else: {:reply, :ok, state}
  end

  def handle_call(:ready, _from, %{gone: nil} = state), do: {:reply, :ok, state}
  def handle_call(:ready, from, state), do: {:noreply, %{state | ready: [from | state.ready]}}

  def handle_call(:drain, from, state) do
    ref = :erlang.make_ref()
    if state.tracer != nil, do: delivered(state.tracer, 1_000)
    Collector.flush(state.collector, ref)
    {:noreply, %{state | draining: :maps.put(ref, from, state.draining)}}
  end

  def handle_call({:stop, reason}, _from, state), do: {:stop, :normal, :ok, finish(reason, state)}
  def handle_call(:stats, _from, state), do: {:reply, numbers(state), state}
  def handle_call(_other, _from, state), do: {:reply, :error, state}

  @impl true
  def handle_cast(_message, state), do: {:noreply, state}

  @impl true
  def handle_info(:tick, state) do
    :erlang.send_after(@tick_ms, self(), :tick)
    state |> watch() |> refill() |> cool() |> unmute() |> look() |> refresh_now_and_then() |> hooks() |> limits() |> alone()
  end

  def handle_info({:sealed, n, bytes, by_function}, state), do: {:noreply, account(n, bytes, by_function, state)}

  def handle_info({:connected, %{"plan" => plan}}, state) when is_map(plan) do
    state = connected(state)
    # After a reconnect the plan that is in force stays in force.
    if plan == state.raw_plan and state.tracer != nil, do: {:noreply, state}, else: {:noreply, apply_plan(plan, state)}
  end

  def handle_info({:connected, _welcome}, state), do: {:noreply, connected(state)}
  def handle_info({:disconnected, _reason}, state), do: {:noreply, %{state | gone: state.gone || now()}}
  def handle_info({:refused, code, _message}, state) when code in ["token", "protocol"], do: {:stop, :normal, finish("refused: " <> code, state)}
  def handle_info({:refused, _code, _message}, state), do: {:noreply, state}
  def handle_info({:daemon, ["plan", nil]}, state), do: {:noreply, %{end_capture("the plan was taken back", state) | raw_plan: nil, plan: nil}}
  def handle_info({:daemon, ["plan", plan]}, state), do: {:noreply, apply_plan(plan, state)}

  def handle_info({:daemon, ["ask", id, "stats"]}, state) do
    Sender.frame(state.sender, ["answer", id, numbers(state)])
    {:noreply, state}
  end

  def handle_info({:daemon, ["ask", id, what]}, state) do
    Helper.answer(state.helper, state.sender, id, what)
    {:noreply, state}
  end

  def handle_info({:daemon, ["stop"]}, state), do: {:stop, :normal, finish("stopped", state)}
  def handle_info({:loaded, _modules}, state), do: {:noreply, loaded(state)}
  def handle_info({:early, mod, how, at}, state), do: {:noreply, arrived(mod, how, at, state)}

  # What the plan names beyond that is loaded from wherever the node finds it.
  def handle_info({:preloaded, _modules}, state) do
    state = refresh(%{state | loading: false, load_at: now()})
    {:noreply, if(state.loading, do: state, else: loaded(state))}
  end

  def handle_info({:flushed, ref, _no}, state) do
    Sender.drained(state.sender, ref)
    {:noreply, state}
  end

  def handle_info({:drained, ref}, state) do
    case :maps.take(ref, state.draining) do
      {from, draining} ->
        :gen_server.reply(from, :ok)
        {:noreply, %{state | draining: draining}}

      :error ->
        {:noreply, state}
    end
  end

  def handle_info({:DOWN, _ref, :process, pid, _reason}, %{owner: pid} = state), do: {:stop, :normal, finish("whoever attached the agent is gone", state)}

  def handle_info({:EXIT, pid, reason}, state) do
    # One of the three has failed: flags die with the collector, patterns do not.
    if pid in [state.collector, state.sender, state.helper], do: {:stop, {:part_failed, reason}, clear(state)}, else: {:stop, reason, finish("stopped", state)}
  end

  def handle_info(_other, state), do: {:noreply, state}

  @impl true
  def terminate(_reason, state) do
    if state.tracer != nil, do: clear(state)
    list_of pid <- [state.collector, state.sender, state.helper], do: :erlang.exit(pid, :kill)
    if :maps.get(:unload, state.options, false), do: ElixirScopeAgent.Boot.unload_later()
    :ok
  end

  # The plan.

  defp apply_plan(raw, state) do
    state = end_capture("another plan", state)

    with {:ok, plan} <- Plan.read(raw), {:ok, tracer} <- Tracer.start(state.collector, state.trace) do
      state = %{
        state
        | raw_plan: raw,
          plan: plan,
          tracer: tracer,
          ladder: Ladder.start(),
          muted: nil,
          hot: %{},
          began: now(),
          load_at: now(),
          ticks: 0,
          ticked: now(),
          totals: %{events: 0, bytes: 0},
          tokens: plan.rate,
          window: {now(), %{}}
      }

      state = %{state | early: Plan.early(plan), loading: state.loading or :maps.get(:preload, state.options, false) == true}
      Collector.event(state.collector, :capture_start, [{"plan", plan.id}])
      configure(state)
      on_load(state)
      if plan.messages, do: Tracer.receives(tracer, true)
      traced_processes(state)
      if state.loading and :maps.get(:preload, state.options, false) == true, do: Helper.preload(state.helper, plan)
      state = refresh(state)
      if plan.lifecycle, do: Helper.follow(state.helper, state.collector)
      if not state.loading, do: tell_planned(state)
      state
    else
      {:error, message} ->
        Sender.frame(state.sender, [
          "planned",
          %{"plan" => plan_id(raw), "error" => message, "matched" => [], "refused" => [%{"point" => nil, "reason" => message}]}
        ])

        %{state | raw_plan: raw, plan: nil}
    end
  end

  # Whoever waits goes on to a `sync`, which comes after the plan.
  defp connected(state) do
    list_of from <- state.ready, do: :gen_server.reply(from, :ok)
    %{state | gone: nil, ready: []}
  end

  defp plan_id(%{"id" => id}) when is_binary(id), do: id
  defp plan_id(_), do: ""

  defp tell_planned(state) do
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

  defp traced_processes(state) do
    flags = flags(state)

    # One by one, without those that are spared: `all` would have them for a moment, and their messages.
    pids =
      case Plan.processes(state.plan) do
        pids when is_list(pids) ->
          pids

        :new ->
          [:new]

        :all ->
          Tracer.processes(state.tracer, :new, true, flags)
          :erlang.processes()
      end

    spared = spared(state)
    :lists.foreach(fn pid -> if(not is_map_key(spared, pid), do: Tracer.processes(state.tracer, pid, true, flags)) end, pids)
  end

  # The flags that the ladder still allows.
  defp flags(state) do
    level = state.ladder.level
    flags = Plan.flags(state.plan)
    flags = if level >= 2, do: flags -- [:send, :receive, :running, :garbage_collection], else: flags
    flags = if level >= 4, do: flags -- [:call], else: flags
    if level >= 3 or state.muted != nil, do: [:silent | flags], else: flags
  end

  # The agent's own processes, what it needs, the logger and the group leaders are never traced.
  defp spared(state) do
    own = [self(), state.collector, state.sender, state.helper | parents()]
    named = list_of name <- @never, pid = :erlang.whereis(name), is_pid(pid), do: pid
    leaders = list_of {app, _, _} <- applications(), master = :application_controller.get_master(app), is_pid(master), do: master
    :maps.from_list(list_of pid <- own ++ named ++ leaders, do: {pid, true})
  end

  defp applications do
    :application.which_applications(1_000)
  catch
    :exit, _ -> []
  end

  defp parents do
    case :erlang.get(:"$ancestors") do
      list when is_list(list) -> list_of one <- list, pid = if(is_pid(one), do: one, else: :erlang.whereis(one)), is_pid(pid), do: pid
      _ -> []
    end
  end

  # Patterns for the targets that have none yet; modules that are not loaded are loaded by the helper first.
  defp refresh(%{tracer: nil} = state), do: state

  defp refresh(state) do
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

  defp failed(state),
    do:
      list_of(
        {mfa, %{error: error} = pattern} when error != nil <- :maps.to_list(state.patterns),
        do: %{"point" => pattern.target.point, "function" => Names.printed(mfa, 5, 200), "reason" => error}
      )

  defp changed([], state), do: state

  defp changed(ready, state) do
    state = uncounted(state)
    configure(state)
    Helper.tell_modules(state.helper, state.sender, :lists.usort(list_of %{mfa: {mod, _, _}} <- ready, do: mod))
    if state.ticks > 0 and not state.loading, do: tell_planned(state)
    state
  end

  defp loaded(state) do
    known = map_size(state.patterns)
    state = refresh(%{state | loading: true})
    if state.tracer != nil and (map_size(state.patterns) > known or state.ticks < 20), do: tell_planned(state)
    list_of from <- state.syncs, do: :gen_server.reply(from, :ok)
    # What could not be loaded is tried again, but not at once.
    %{state | loading: false, syncs: []}
  end

  # Code that is loaded from now on, until it has been looked at.
  defp on_load(%{plan: %{points: []}}), do: :ok
  defp on_load(state), do: Tracer.functions(state.tracer, :on_load, early_spec(arguments(state), state), [:local])

  defp early_spec(arguments, state), do: Plan.early_spec(state.early, arguments, state.caller_line)
  defp arguments(state), do: if(state.ladder.level >= 1, do: :without, else: :with)

  # Whether a function has no pattern but that of code that was loaded just now.
  defp early?(mfa, state) do
    case Tracer.info(state.tracer, mfa, :match_spec) do
      {:match_spec, [_ | _] = spec} -> spec == early_spec(:with, state) or spec == early_spec(:without, state)
      _ -> false
    end
  catch
    :error, _ -> false
  end

  # Patterns of modules, in place of what they have from having been loaded just now.
  defp adopt(targets, state) do
    parts = :lists.usort(list_of(%{mfa: {mod, fun, _}} <- targets, fun != :_, do: mod))
    list_of mod <- parts, early?({mod, :module_info, 0}, state), do: bare(mod, state)
    :lists.foldl(&set/2, state, targets)
  end

  # Tests are seen by a pattern of their own, which stays.
  defp bare(mod, state) do
    if mod == ExUnit.Runner do
      list_of {name, arity} <- functions(mod), name != :exec_test, do: Tracer.functions(state.tracer, {mod, name, arity}, false, [:local])
    else
      Tracer.functions(state.tracer, {mod, :_, :_}, false, [:local])
    end
  end

  # The first call of code that was loaded just now.
  defp arrived(_mod, _how, _at, %{tracer: nil} = state), do: state

  defp arrived(mod, how, at, state) do
    state = if early?({mod, :module_info, 0}, state), do: taken_in(mod, Plan.targets_in(mod, state.plan), state), else: state

    if how == :missed,
      do:
        gap(
          state,
          "code was loaded: " <> Names.module(mod),
          :erlang.convert_time_unit(at, :nanosecond, :millisecond),
          %{},
          ["call", "return", "exception"],
          offset()
        )

    Collector.settled(state.collector, mod)
    state
  end

  defp taken_in(mod, [], state) do
    bare(mod, state)
    state
  end

  defp taken_in(mod, targets, state) do
    known = :lists.any(fn target -> is_map_key(state.patterns, target.mfa) end, targets)
    state = adopt(targets, state)
    if known, do: anew(mod, state), else: changed(targets, state)
  end

  # It was there before, and another version perhaps.
  defp anew(mod, state) do
    Collector.event(state.collector, :code_load, [{"module", Names.module(mod)}, {"md5", hex(md5(mod) || "")}])
    state = uncounted(state)
    configure(state)
    Helper.tell_modules(state.helper, state.sender, [mod])
    %{state | hot: :maps.filter(fn {hot, _, _}, _ -> hot != mod end, state.hot)}
  end

  defp set(target, state) do
    {mod, _, _} = target.mfa

    {matched, error} =
      case Plan.spec(target, arguments(state), state.caller_line) do
        {:ok, spec} ->
          case Tracer.functions(state.tracer, target.mfa, spec, [:local]) do
            {:ok, n} -> {n, nil}
            {:error, reason} -> {0, Names.printed(reason, 5, 200)}
          end

        {:error, why} ->
          {0, why}
      end

    pattern = %{target: target, matched: matched, error: error, probe: probe(target.mfa), md5: md5(mod), seen: now()}
    %{state | patterns: :maps.put(target.mfa, pattern, state.patterns)}
  end

  defp probe({mod, :_, _}), do: {mod, :module_info, 0}

  defp probe({mod, fun, :_}) do
    case :lists.keyfind(fun, 1, functions(mod)) do
      {^fun, arity} -> {mod, fun, arity}
      _ -> nil
    end
  end

  defp probe(mfa), do: mfa

  defp functions(mod) do
    :erlang.get_module_info(mod, :functions)
  catch
    :error, _ -> []
  end

  # Never loads anything, as a call of module_info would.
  defp md5(mod) do
    :erlang.get_module_info(mod, :md5)
  catch
    :error, _ -> nil
  end

  defp configure(state) do
    targets = list_of {_mfa, pattern} <- :maps.to_list(state.patterns), do: pattern.target
    bare = state.ladder.level >= 1

    Collector.configure(state.collector, %{
      limits: ElixirScopeAgent.Term.limits(state.plan.depth, state.plan.size_bytes, state.plan.redact),
      results: if(bare, do: %{}, else: asked_for("result", targets)),
      exceptions: if(bare, do: %{}, else: asked_for("exceptions", targets)),
      messages: state.plan.message_payloads and not bare,
      plan: state.plan,
      early: state.early,
      modules: :maps.from_list(list_of(%{mfa: {mod, _, _}} <- targets, do: {mod, true})),
      samples: :maps.from_list(list_of target <- targets, target.sampling < 1, mfa <- each(target.mfa), do: {mfa, target.sampling})
    })
  end

  defp asked_for(what, targets), do: :maps.from_list(list_of target <- targets, :lists.member(what, target.capture), do: {target.mfa, true})
  defp each({_mod, fun, arity} = mfa) when fun != :_ and arity != :_, do: [mfa]
  defp each({mod, fun, _}), do: list_of({name, arity} <- functions(mod), fun == :_ or name == fun, do: {mod, name, arity})

  # Code that was loaded anew.
  defp look(%{tracer: nil} = state), do: state

  defp look(state) do
    {some, rest} = split(@looked_at_a_tick, state.looked_at)
    state = :lists.foldl(&look_at/2, state, some)
    %{state | looked_at: if(rest == [], do: :maps.keys(state.patterns), else: rest)}
  end

  defp look_at(mfa, state) do
    case state.patterns do
      %{^mfa => pattern} ->
        {mod, _, _} = mfa

        cond do
          not :erlang.module_loaded(mod) -> %{state | patterns: :maps.remove(mfa, state.patterns)}
          md5(mod) == pattern.md5 and in_force?(pattern, state) -> %{state | patterns: :maps.put(mfa, %{pattern | seen: now()}, state.patterns)}
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
        {:traced, :local} -> not early?(pattern.probe, state)
        _ -> false
      end
  end

  # Where it was traced from the start nothing is missing, or its first call says what is.
  defp reloaded(mod, pattern, state) do
    if early?({mod, :module_info, 0}, state) do
      taken_in(mod, Plan.targets_in(mod, state.plan), state)
    else
      gap(state, "code was loaded: " <> Names.module(mod), pattern.seen, %{}, ["call", "return", "exception"], offset())
      anew(mod, set(pattern.target, state))
    end
  end

  # Protection.

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
    gap(state, "too much to trace: stopped at " <> :erlang.integer_to_binary(queue) <> " events that wait", now(), %{}, [], offset())
    state = clear(%{state | ladder: ladder})
    Collector.discard(state.collector, "too much to trace: what waited was dropped")
    Collector.event(state.collector, :capture_end, [{"reason", "the node could not bear it"}])
    state
  end

  defp climb(ladder, queue, state) do
    before = state.ladder.level
    state = %{state | ladder: ladder}
    words = [Ladder.name(before), " -> ", Ladder.name(ladder.level), ", ", :erlang.integer_to_binary(queue), " events wait"]
    gap(state, :erlang.iolist_to_binary(["the ladder: " | words]), now(), %{}, if(ladder.level >= 2, do: ["send", "receive"], else: []), offset())

    # Flags first: they are one step for all processes.
    reflag(state)
    state = if ladder.level >= 3 and state.muted == nil, do: mute("the ladder", nil, state), else: state
    # Only patterns with arguments differ, and setting patterns takes time.
    if min(before, 1) != min(ladder.level, 1), do: repattern(state), else: state
  end

  defp reflag(state) do
    unwanted = @all_flags -- [:set_on_spawn | flags(state)]
    # `new` says nothing of those that were new before: flags are taken from all, and given only to whom the plan names.
    if unwanted != [], do: Tracer.processes(state.tracer, :all, false, unwanted)
    if unwanted != [] and state.plan.processes == "all", do: Tracer.processes(state.tracer, :new, false, unwanted)
    traced_processes(state)
  end

  defp repattern(state) do
    on_load(state)

    state =
      :lists.foldl(
        fn {_mfa, pattern}, acc -> if(:lists.member("args", pattern.target.capture), do: set(pattern.target, acc), else: acc) end,
        state,
        :maps.to_list(state.patterns)
      )

    configure(state)
    state
  end

  # Calls are silent, and counted by the runtime system. Counting begins first: calls of the moment between are told twice rather than not at all.
  defp mute(reason, until, state) do
    state = settle(state)
    functions = :lists.sublist(:lists.flatmap(&each/1, :maps.keys(state.patterns)), @max_counted + 1)
    counted = if length(functions) <= @max_counted, do: functions, else: :too_many
    if is_list(counted), do: list_of(mfa <- :maps.keys(state.patterns), do: Tracer.functions(state.tracer, mfa, true, [:call_count]))
    state = %{state | muted: {reason, now(), until, counted}}
    reflag(state)
    state
  end

  defp unmute(%{muted: {_reason, _from, until, _counted}, tracer: tracer} = state) when tracer != nil do
    over = if until == nil, do: state.ladder.level < 3, else: state.tokens > 0 and state.ladder.level < 3

    if over do
      reflag(%{state | muted: nil})
      told_mute(state)
    else
      state
    end
  end

  defp unmute(state), do: state

  # Code that came while calls were only counted was not counted itself: then nobody knows how many they were.
  defp uncounted(%{muted: {reason, from, until, counted}} = state) when is_list(counted) do
    list_of mfa <- :maps.keys(state.patterns), do: Tracer.functions(state.tracer, mfa, false, [:call_count])
    %{state | muted: {reason, from, until, :incomplete}}
  end

  defp uncounted(state), do: state

  defp told_mute(%{muted: nil} = state), do: state

  defp told_mute(%{muted: {reason, from, _until, counted}} = state) do
    calls = if is_list(counted), do: :lists.sum(list_of(mfa <- counted, do: count(mfa, state))), else: 0
    if is_list(counted), do: list_of(mfa <- :maps.keys(state.patterns), do: Tracer.functions(state.tracer, mfa, false, [:call_count]))
    unknown = if is_list(counted), do: ["return", "exception"], else: ["call", "return", "exception"]
    gap(state, reason, from, %{"call" => calls}, unknown, offset())
    %{state | muted: nil}
  end

  defp count(mfa, state) do
    case Tracer.info(state.tracer, mfa, :call_count) do
      {:call_count, n} when is_integer(n) -> n
      _ -> 0
    end
  catch
    :error, _ -> 0
  end

  # A function that was called too often: its pattern is off for the rest of a second, and its calls are counted.
  defp heat(mfa, state) do
    # Where everything is silent it is counted already.
    if is_map_key(state.hot, mfa) or state.muted != nil do
      state
    else
      Tracer.functions(state.tracer, mfa, true, [:call_count])
      Tracer.functions(state.tracer, mfa, false, [:local])
      %{state | hot: :maps.put(mfa, {now(), now() + 1_000}, state.hot)}
    end
  end

  defp cool(%{tracer: nil} = state), do: state

  defp cool(state) do
    at = now()
    :maps.fold(fn mfa, {_from, until} = heat, acc -> if(at >= until, do: told_hot(mfa, heat, again(mfa, acc)), else: acc) end, state, state.hot)
  end

  # All of them, whatever the time.
  defp settle(state), do: :maps.fold(fn mfa, heat, acc -> told_hot(mfa, heat, again(mfa, acc)) end, state, state.hot)

  # The pattern of the point it belongs to, again.
  defp again({mod, fun, _arity} = mfa, state) do
    keys = list_of key <- [mfa, {mod, fun, :_}, {mod, :_, :_}], is_map_key(state.patterns, key), do: key

    with [key | _] <- keys, {:ok, spec} <- Plan.spec(:maps.get(key, state.patterns).target, arguments(state), state.caller_line) do
      Tracer.functions(state.tracer, mfa, spec, [:local])
    end

    state
  end

  defp told_hot({mod, fun, arity} = mfa, {from, _until}, state) do
    calls = count(mfa, state)
    Tracer.functions(state.tracer, mfa, false, [:call_count])
    name = <<Names.module(mod)::binary, ".", :erlang.atom_to_binary(fun)::binary, "/", :erlang.integer_to_binary(arity)::binary>>
    gap(state, "called more often than the rate for one function allows: " <> name, from, %{"call" => calls}, ["return", "exception"], offset())
    %{state | hot: :maps.remove(mfa, state.hot)}
  end

  defp account(n, bytes, by_function, state) do
    totals = %{events: state.totals.events + n, bytes: state.totals.bytes + bytes}
    state = %{state | totals: totals, tokens: state.tokens - n}

    if state.tracer == nil or state.plan == nil do
      state
    else
      state = if state.tokens < 0 and state.muted == nil, do: mute("more events than the rate allows", now() + 1_000, state), else: state
      {since, window} = state.window
      window = if now() - since >= 1_000, do: %{}, else: window
      since = if window == %{}, do: now(), else: since

      {window, state} =
        :maps.fold(
          fn mfa, k, {window, acc} ->
            sum = :maps.get(mfa, window, 0) + k
            {:maps.put(mfa, sum, window), if(sum > acc.plan.rate_function, do: heat(mfa, acc), else: acc)}
          end,
          {window, state},
          by_function
        )

      %{state | window: {since, window}}
    end
  end

  # The bucket of the whole: one second's worth of events at most.
  defp refill(%{plan: nil} = state), do: %{state | ticked: now()}
  defp refill(state), do: %{state | ticked: now(), tokens: min(state.plan.rate, state.tokens + state.plan.rate * (now() - state.ticked) / 1_000)}

  defp limits(%{tracer: nil} = state), do: state

  defp limits(state) do
    plan = state.plan

    cond do
      plan.duration_ms != nil and now() - state.began >= plan.duration_ms -> end_capture("the time of the plan is over", state)
      plan.events != nil and state.totals.events >= plan.events -> end_capture("the events of the plan are reached", state)
      plan.bytes != nil and state.totals.bytes >= plan.bytes -> end_capture("the bytes of the plan are reached", state)
      true -> state
    end
  end

  # Without a daemon the capture goes on for a while only. Whoever attached the agent wants it gone then.
  defp alone(%{gone: nil} = state), do: {:noreply, state}

  defp alone(state) do
    cond do
      now() - state.gone < :maps.get(:linger_ms, state.options, 60_000) -> {:noreply, state}
      :maps.get(:unload, state.options, false) -> {:stop, :normal, finish("the daemon is gone", state)}
      state.tracer != nil -> {:noreply, end_capture("the daemon is gone", %{state | raw_plan: nil})}
      true -> {:noreply, state}
    end
  end

  # Early in a node's life, and for a second of each plan, code comes with every tick; later now and then.
  defp refresh_now_and_then(state) do
    ticks = state.ticks + 1
    state = %{state | ticks: ticks}
    if ticks < 600 or rem(ticks, 20) == 0, do: refresh_processes(refresh(state)), else: state
  end

  # Processes that are named are traced once they are there.
  defp refresh_processes(%{tracer: tracer, plan: %{processes: list}} = state) when tracer != nil and is_list(list) do
    if rem(state.ticks, 20) == 0, do: traced_processes(state)
    state
  end

  defp refresh_processes(state), do: state

  # Elixir's own start comes after ours: hooks that need it are tried until it is there.
  defp hooks(state) do
    state = if state.at_exit == false, do: %{state | at_exit: ElixirScopeAgent.Boot.at_exit()}, else: state
    if state.tests == :unknown and :maps.get(:tests, state.options, false) and state.tracer != nil, do: tests(state), else: state
  end

  defp tests(state) do
    # Each test is one call of this function in a process of its own; its arguments name the test.
    # The label (its process) goes with every message that is sent because of it: what a server does for a test is told as the test's.
    spec = [{:_, [], [{:set_seq_token, :label, {:self}}, {:exception_trace}, {:message, {{:test, :"$_"}}}]}]

    case :erlang.module_loaded(ExUnit.Runner) and Tracer.functions(state.tracer, {ExUnit.Runner, :exec_test, :_}, spec, [:local]) do
      {:ok, n} when n > 0 ->
        # Whom a test starts belongs to the test: that takes the life of processes.
        plan = %{state.plan | lifecycle: true}
        state = %{state | tests: :traced, plan: plan}
        traced_processes(state)
        state

      _ ->
        state
    end
  end

  # The end.

  defp end_capture(_reason, %{tracer: nil} = state), do: state

  defp end_capture(reason, state) do
    state = clear(state)
    Collector.event(state.collector, :capture_end, [{"reason", reason}, {"plan", state.plan.id}])
    state
  end

  # No flag, no pattern of ours.
  defp clear(%{tracer: nil} = state), do: state

  defp clear(state) do
    tracer = state.tracer
    Tracer.functions(tracer, :on_load, false, [:local])
    Tracer.processes(tracer, :all, false, @all_flags)

    # What was only counted until now is told.
    state = told_mute(:maps.fold(fn mfa, heat, acc -> told_hot(mfa, heat, acc) end, state, state.hot))
    list_of mfa <- :maps.keys(state.patterns), do: Tracer.functions(tracer, mfa, false, [:local])
    if state.tests == :traced, do: Tracer.functions(tracer, {ExUnit.Runner, :exec_test, :_}, false, [:local])
    # What was loaded meanwhile and never called.
    list_of mod <- :erlang.loaded(), early?({mod, :module_info, 0}, state), do: Tracer.functions(tracer, {mod, :_, :_}, false, [:local])
    delivered(tracer, 1_000)
    Tracer.stop(tracer)
    Helper.follow(state.helper, nil)
    %{state | tracer: nil, patterns: %{}, hot: %{}, muted: nil, looked_at: [], tests: :unknown}
  end

  defp delivered(tracer, timeout) do
    ref = Tracer.delivered(tracer)

    receive do
      {:trace_delivered, :all, ^ref} -> :ok
    after
      timeout -> :late
    end
  end

  defp finish(reason, state) do
    state = end_capture(reason, state)
    ref = :erlang.make_ref()
    Collector.flush(state.collector, ref)

    receive do
      {:flushed, ^ref, _no} -> :ok
    after
      5_000 -> :late
    end

    timeout = if state.gone == nil, do: 5_000, else: 500
    Sender.close(state.sender, ref, %{"reason" => reason, "lost" => %{}}, timeout)

    receive do
      {:closed, ^ref, _left} -> state
    after
      timeout + 1_000 -> state
    end
  end

  defp gap(state, reason, from, dropped, unknown, offset) do
    # Milliseconds here, nanoseconds there.
    gap = %{"reason" => reason, "from_ns" => from * 1_000_000 + offset, "to_ns" => :erlang.monotonic_time(:nanosecond) + offset, "dropped" => dropped}
    Collector.event(state.collector, :gap, [{"gap", if(unknown == [], do: gap, else: :maps.put("unknown", unknown, gap))}])
  end

  defp numbers(state) do
    {:message_queue_len, queue} = :erlang.process_info(state.collector, :message_queue_len)

    %{
      "events" => state.totals.events,
      "bytes" => state.totals.bytes,
      "queue" => queue,
      "buffered_bytes" => :atomics.get(state.buffered, 1),
      "level" => Ladder.name(state.ladder.level),
      "muted" => state.muted != nil,
      "hot" => map_size(state.hot),
      "patterns" => map_size(state.patterns),
      "tracing" => state.tracer != nil,
      "plan" => if(state.plan == nil, do: nil, else: state.plan.id)
    }
  end

  defp hello(id, trace, options) do
    fn ->
      offset = :erlang.time_offset(:nanosecond)
      {:ok, cwd} = :file.get_cwd()

      %{
        "protocol" => 1,
        "token" => :maps.get(:token, options, nil),
        "session" => {:bin, id},
        "node" => :erlang.atom_to_binary(:erlang.node()),
        "node_start_ns" => :erlang.convert_time_unit(:erlang.system_info(:start_time), :native, :nanosecond) + offset,
        "otp" => :erlang.list_to_binary(:erlang.system_info(:otp_release)),
        "elixir" => elixir(),
        "agent" => ElixirScopeAgent.Boot.version(),
        "os_pid" => :erlang.list_to_binary(:os.getpid()),
        "cwd" => :unicode.characters_to_binary(cwd),
        "time_offset_ns" => offset,
        "trace" => Tracer.kind(trace),
        "app" => :maps.get(:app, options, nil)
      }
    end
  end

  defp elixir do
    case :code.is_loaded(:elixir) != false and :application.get_key(:elixir, :vsn) do
      {:ok, vsn} -> :erlang.list_to_binary(vsn)
      _ -> nil
    end
  end

  defp hex(bytes),
    do: for(<<nibble::4 <- bytes>>, into: <<>>, do: <<:erlang.element(nibble + 1, {?0, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?a, ?b, ?c, ?d, ?e, ?f})>>)

  defp split(n, list) when length(list) <= n, do: {list, []}
  defp split(n, list), do: :lists.split(n, list)
  defp offset, do: :erlang.time_offset(:nanosecond)
  defp now, do: :erlang.monotonic_time(:millisecond)
end
