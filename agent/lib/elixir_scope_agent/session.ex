defmodule ElixirScopeAgent.Session do
  @moduledoc """
  One start of the agent: the process that has the plan, sets the tracing accordingly and watches, every 50 ms and at high priority,
  whether the node can bear it. It starts the collector, the sender and the helper and ends with any of them; however it ends, no flag
  and no pattern of its own stays.

  Here are its messages and its state, one map that every part takes and gives back: what begins and ends a capture (Capture), patterns of
  code (Patterns), processes (Processes), what is too much (Protection, and what is then only counted: Counting).
  """

  import ElixirScopeAgent.Lists

  @behaviour :gen_server

  alias ElixirScopeAgent.{Boot, Capture, Collector, ExUnitTests, Hello, Helper, Ladder, Patterns, Processes, Protection, Sender, Tracer}

  @tick_ms 50

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
    if is_pid(:maps.get(:owner, options, nil)), do: :erlang.monitor(:process, options.owner)
    # Whoever attached the agent has loaded it.
    if not :maps.get(:unload, options, false), do: Boot.load()
    :erlang.send_after(@tick_ms, self(), :tick)
    state = started(options)

    case :maps.get(:plan, options, nil) do
      nil -> {:ok, state}
      plan -> {:ok, Capture.begin(plan, state)}
    end
  end

  defp started(options) do
    buffered = :atomics.new(1, [])
    session = Hello.session()
    trace = :maps.get(:trace, options, :trace)
    hello = fn -> Hello.frame(session, trace, options) end
    sender = Sender.start_link(%{session: self(), address: options.address, buffered: buffered, hello: hello})
    collector = Collector.start_link(%{session: self(), sender: sender, buffered: buffered, budget: :maps.get(:budget, options, 33_554_432)})

    %{
      options: options,
      trace: trace,
      sender: sender,
      collector: collector,
      helper: Helper.start_link(self()),
      buffered: buffered,
      caller_line: Tracer.caller_line?(),
      tracer: nil,
      plan: nil,
      raw_plan: nil,
      own_plan: :maps.get(:plan, options, nil),
      early: nil,
      # mfa of a pattern => %{target, matched, error, probe, md5, seen}
      patterns: %{},
      looked_at: [],
      refused: [],
      loading: false,
      load_at: now(),
      syncs: [],
      ready: [],
      ladder: Ladder.start(),
      # {reason, from, until or nil, the functions that are counted}: calls are silent
      muted: nil,
      # mfa => {from, until}: switched off and counted
      hot: %{},
      window: {now(), %{}},
      totals: %{events: 0, bytes: 0},
      began: now(),
      ticks: 0,
      # since when there is no daemon; nil while there is one
      gone: now(),
      draining: %{},
      at_exit: false,
      tests: :unknown
    }
  end

  @impl true
  def handle_call(:sync, from, state) do
    state = hooks(Patterns.refresh(%{state | load_at: now()}))
    if state.loading, do: {:noreply, %{state | syncs: [from | state.syncs]}}, else: {:reply, :ok, state}
  end

  def handle_call(:ready, _from, %{gone: nil} = state), do: {:reply, :ok, state}
  def handle_call(:ready, from, state), do: {:noreply, %{state | ready: [from | state.ready]}}

  def handle_call(:drain, from, state) do
    ref = :erlang.make_ref()
    Capture.delivered(state)
    Collector.flush(state.collector, ref)
    {:noreply, %{state | draining: :maps.put(ref, from, state.draining)}}
  end

  def handle_call({:stop, reason}, _from, state), do: {:stop, :normal, :ok, finish(reason, state)}
  def handle_call(:stats, _from, state), do: {:reply, stats(state), state}
  def handle_call(_other, _from, state), do: {:reply, :error, state}

  @impl true
  def handle_cast(_message, state), do: {:noreply, state}

  @impl true
  def handle_info(:tick, state) do
    :erlang.send_after(@tick_ms, self(), :tick)
    state |> Protection.tick() |> Patterns.look() |> refresh_now_and_then() |> hooks() |> Protection.limits() |> alone()
  end

  def handle_info({:sealed, n, bytes, by_function}, state), do: {:noreply, Protection.account(n, bytes, by_function, state)}

  def handle_info(:over, state), do: {:noreply, Protection.over(state)}

  def handle_info({:connected, welcome}, state), do: {:noreply, agreed(:maps.get("plan", welcome, nil), connected(state))}
  def handle_info({:disconnected, _reason}, state), do: {:noreply, %{state | gone: state.gone || now()}}
  def handle_info({:refused, code, _message}, state) when code in ["token", "protocol", "session"], do: {:stop, :normal, finish("refused: " <> code, state)}
  def handle_info({:refused, _code, _message}, state), do: {:noreply, state}

  def handle_info({:daemon, ["plan", nil]}, state), do: {:noreply, taken_back(%{state | own_plan: nil})}
  def handle_info({:daemon, ["plan", plan]}, state), do: {:noreply, Capture.begin(plan, %{state | own_plan: nil})}

  def handle_info({:daemon, ["ask", id, "stats"]}, state) do
    Sender.frame(state.sender, ["answer", id, stats(state)])
    {:noreply, state}
  end

  def handle_info({:daemon, ["ask", id, what]}, state) do
    Helper.answer(state.helper, state.sender, id, what)
    {:noreply, state}
  end

  def handle_info({:daemon, ["stop"]}, state), do: {:stop, :normal, finish("stopped", state)}
  def handle_info({:loaded, _modules}, state), do: {:noreply, loaded(state)}
  def handle_info({:early, mod, how, at}, state), do: {:noreply, Patterns.arrived(mod, how, at, state)}

  # What the plan names beyond that is loaded from wherever the node finds it.
  def handle_info({:preloaded, _modules}, state) do
    state = Patterns.refresh(%{state | loading: false, load_at: now()})
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

  def handle_info({:DOWN, _ref, :process, pid, _reason}, %{options: %{owner: pid}} = state),
    do: {:stop, :normal, finish("whoever attached the agent is gone", state)}

  def handle_info({:EXIT, pid, reason}, state) do
    # One of the three has failed: flags die with the collector, patterns do not.
    if :lists.member(pid, parts(state)), do: {:stop, {:part_failed, reason}, Capture.clear(state)}, else: {:stop, reason, finish("stopped", state)}
  end

  def handle_info(_other, state), do: {:noreply, state}

  @impl true
  def terminate(_reason, state) do
    Capture.clear(state)
    list_of pid <- parts(state), do: :erlang.exit(pid, :kill)
    if :maps.get(:unload, state.options, false), do: Boot.unload_later()
    :ok
  end

  defp parts(state), do: [state.collector, state.sender, state.helper]

  # Whoever waits goes on to a `sync`, which comes after the plan.
  defp connected(state) do
    list_of from <- state.ready, do: :gen_server.reply(from, :ok)
    %{state | gone: nil, ready: []}
  end

  # What the daemon wants now; where it wants nothing, what the agent was started with, as long as no daemon has wanted anything else.
  defp agreed(nil, %{own_plan: nil} = state), do: taken_back(state)
  defp agreed(nil, state), do: follow(state.own_plan, state)
  defp agreed(plan, state), do: follow(plan, %{state | own_plan: nil})

  # What is in force stays in force, and what has ended by itself has ended.
  defp follow(plan, %{raw_plan: plan, plan: known} = state) when known != nil, do: state
  defp follow(plan, state), do: Capture.begin(plan, state)

  defp taken_back(state), do: %{Capture.finish("the plan was taken back", state) | raw_plan: nil, plan: nil}

  defp loaded(state) do
    state = Patterns.loaded(state)
    list_of from <- state.syncs, do: :gen_server.reply(from, :ok)
    %{state | syncs: []}
  end

  # Early in a node's life, and for a second of each plan, code comes with every tick; later now and then.
  defp refresh_now_and_then(state) do
    ticks = state.ticks + 1
    state = %{state | ticks: ticks}
    state = if ticks < 600 or rem(ticks, 20) == 0, do: Patterns.refresh(state), else: state
    if rem(ticks, 20) == 0, do: Processes.trace_named(state)
    state
  end

  # Elixir's own start comes after ours: hooks that need it are tried until it is there.
  defp hooks(state) do
    state = if state.at_exit == false, do: %{state | at_exit: Boot.at_exit()}, else: state
    ExUnitTests.trace(state)
  end

  # Without a daemon the capture goes on for a while only. Whoever attached the agent wants it gone then.
  defp alone(%{gone: nil} = state), do: {:noreply, state}

  defp alone(state) do
    cond do
      now() - state.gone < :maps.get(:linger_ms, state.options, 60_000) -> {:noreply, state}
      :maps.get(:unload, state.options, false) -> {:stop, :normal, finish("the daemon is gone", state)}
      state.tracer != nil -> {:noreply, Capture.finish("the daemon is gone", %{state | raw_plan: nil})}
      true -> {:noreply, state}
    end
  end

  # The last word, once everything is on the daemon's disk or the time is over.
  defp finish(reason, state) do
    state = Capture.finish(reason, state)
    ref = :erlang.make_ref()
    Collector.flush(state.collector, ref)

    receive do
      {:flushed, ^ref, _no} -> :ok
    after
      5_000 -> :late
    end

    timeout = if state.gone == nil, do: 5_000, else: 500
    Sender.close(state.sender, ref, %{"reason" => reason}, timeout)

    receive do
      {:closed, ^ref, 0} ->
        :ok

      {:closed, ^ref, n} ->
        Boot.complain(["the daemon had not acknowledged the last ", :erlang.integer_to_binary(n), " batches of events when the agent ended: they may be lost"])
    after
      timeout + 1_000 -> Boot.complain("the agent ended before it had sent all events: how many are lost is not known")
    end

    state
  end

  defp stats(state) do
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

  defp now, do: :erlang.monotonic_time(:millisecond)
end
