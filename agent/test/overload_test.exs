defmodule ElixirScopeAgent.OverloadTest do
  use ElixirScopeAgent.TestAgent
  alias ElixirScopeAgent.{Collector, Counting, Ladder, Msgpack}

  # Events and what gaps say was left out, by type, until the last frame.
  defp tally(events) do
    Enum.reduce(events, {Enum.frequencies_by(events, & &1.type), %{}}, fn
      %{type: "gap", payload: %{"gap" => gap}}, {seen, dropped} -> {seen, Map.merge(dropped, gap["dropped"], fn _, a, b -> a + b end)}
      _, acc -> acc
    end)
  end

  test "a loop of a million calls leaves the node alive, and every call is either there or counted" do
    agent(plan([point("Sample", %{"function" => "leaf", "arity" => 1})]))
    run(fn -> Sample.calls(1_000_000) end)
    # The count is told when the function may be traced again.
    events = until(&(&1.type == "gap" and Map.has_key?(&1.payload["gap"]["dropped"], "call")))
    Session.stop()
    {seen, dropped} = tally(received(events))
    # None is missing; while it is switched from the one to the other a call may be in both.
    assert seen["call"] + dropped["call"] >= 1_000_000
    assert seen["call"] + dropped["call"] < 1_200_000
    assert dropped["call"] > 500_000
    assert :erlang.trace_info({Sample, :leaf, 1}, :traced) == {:traced, false}
    assert :erlang.trace_info({Sample, :leaf, 1}, :call_count) == {:call_count, false}
  end

  test "one function that is called too often does not take others with it" do
    agent(plan([point("Sample")], %{"limits" => %{"rate_per_function_s" => 1_000, "rate_per_s" => 1_000_000}}))
    # Not so many at once that the ladder has to do something.
    run(fn -> Sample.calls(4_000) end)
    until(&(&1.type == "gap"))
    run(fn -> Sample.login("ann") end)
    events = until(&(&1.type == "call" and &1.mfa == {"Sample", "login", 1}))
    assert events != []
  end

  test "a daemon that does not read: the buffer is bounded, the program goes on, and what was lost is told" do
    {daemon, _} =
      agent(nil, [blocked: true], %{
        budget: 300_000,
        plan: plan([point("Sample", %{"function" => "leaf"})], %{"limits" => %{"rate_per_function_s" => 10_000_000, "rate_per_s" => 10_000_000}})
      })

    # Never so many at once that the ladder has to do something.
    for _ <- 1..20 do
      run(fn -> Sample.calls(4_000) end)
      stats_when(fn stats -> stats["queue"] == 0 end)
    end

    assert %{"buffered_bytes" => bytes} = stats_when(fn stats -> stats["queue"] == 0 and stats["buffered_bytes"] >= 300_000 end)
    assert bytes < 300_000 + 2 * 600_000
    # The next one reads, and gets everything that was kept, and a gap with the rest.
    TestDaemon.kill(daemon)
    TestDaemon.start(path: daemon.path)
    run(fn -> Sample.login("end") end)
    events = until(&(&1.type == "gap"), [], 10_000)
    Session.stop()
    {seen, dropped} = tally(received(events))
    assert seen["call"] + dropped["call"] == 80_000
    assert seen["return"] + dropped["return"] == 80_000
  end

  test "what was not acknowledged is sent again after a cut, once, in order" do
    {daemon, hello} = agent(plan([point("Sample")]), ack: false)
    run(fn -> Sample.leaf(1) end)
    first = batches(&Enum.any?(&1, fn event -> event.type == "return" end))
    TestDaemon.cut(daemon)
    assert_receive {:daemon, ["hello", again]}, 20_000
    assert again["session"] == hello["session"]
    second = batches(&Enum.any?(&1, fn event -> event.type == "return" end))
    assert Enum.map(first, &elem(&1, 0)) == Enum.map(second, &elem(&1, 0))
    assert Enum.map(first, &elem(&1, 1)) == Enum.map(second, &elem(&1, 1))
  end

  test "in place of a batch that the daemon can never take it gets a gap; those beside it are sent again" do
    {daemon, _} = agent(plan([point("Sample")]), ack: false)
    until(&(&1.type == "capture_start"))
    run(fn -> Sample.leaf(1) end)
    %{no: refused, time: time} = until(&(&1.type == "return")) |> Enum.find(&(&1.type == "call"))
    run(fn -> Sample.leaf(2) end)
    %{no: later} = until(&(&1.type == "return")) |> Enum.find(&(&1.type == "call"))
    # It is counted from the welcome, acknowledged or not.
    TestDaemon.tell(daemon, ["ack", refused - 1, 64])
    TestDaemon.tell(daemon, ["refused", "malformed", "columns.ts[3] is no whole number", refused])
    TestDaemon.cut(daemon)
    assert_receive {:daemon, ["hello", _]}, 20_000
    # What is missing is told where it was, before what returns later.
    assert [%{no: ^refused, type: "gap", payload: %{"gap" => gap}} | again] = until(&(&1.type == "return"))
    assert again |> Enum.map(& &1.no) |> Enum.uniq() == [later]
    assert %{"reason" => "the daemon refused a batch: columns.ts[3] is no whole number", "dropped" => %{"call" => 1, "return" => 1}} = gap
    assert abs(gap["from_ns"] - time) < 1_000_000 and gap["to_ns"] > gap["from_ns"]
    # Nor does it take room.
    TestDaemon.tell(daemon, ["ack", later, 64])
    stats_when(fn stats -> stats["buffered_bytes"] == 0 end)
  end

  test "no more batches are under way than there are credits" do
    {daemon, _} = agent(plan([point("Sample")]), ack: false, credits: 1)
    run(fn -> Sample.leaf(1) end)
    assert_receive {:daemon, ["batch", 1 | _]}, 20_000
    stats_when(fn stats -> stats["events"] >= 3 end)
    run(fn -> Sample.leaf(2) end)
    stats_when(fn stats -> stats["events"] >= 5 end)
    refute_received {:daemon, ["batch", 2 | _]}
    TestDaemon.tell(daemon, ["ack", 1, 1])
    assert_receive {:daemon, ["batch", 2 | _]}, 20_000
  end

  test "without a daemon the capture ends after its time, and goes on with the next daemon" do
    {daemon, _} = agent(plan([point("Sample")]), [], %{linger_ms: 200})
    TestDaemon.kill(daemon)
    stats_when(fn stats -> stats["tracing"] == false end)
    assert :erlang.trace_info({Sample, :leaf, 1}, :traced) == {:traced, false}
    TestDaemon.start(path: daemon.path, plan: plan([point("Sample")]))
    events = until(&(&1.type == "capture_end"), [], 10_000)
    assert Enum.any?(events, &(&1.type == "capture_end" and &1.payload["reason"] == "the daemon is gone"))
    stats_when(fn stats -> stats["tracing"] end)
  end

  test "what the agent was started with goes on with the next daemon, too" do
    {daemon, _} = agent(nil, [], %{plan: plan([point("Sample")]), linger_ms: 200})
    TestDaemon.kill(daemon)
    stats_when(fn stats -> stats["tracing"] == false end)
    TestDaemon.start(path: daemon.path)
    stats_when(fn stats -> stats["tracing"] end)
  end

  test "a plan that was taken back while there was no daemon is over" do
    {daemon, _} = agent(plan([point("Sample")]))
    TestDaemon.kill(daemon)
    TestDaemon.start(path: daemon.path)
    assert %{payload: %{"reason" => "the plan was taken back"}} = until(&(&1.type == "capture_end")) |> Enum.find(&(&1.type == "capture_end"))
  end

  test "a capture that its limits have ended does not begin again with the next connection" do
    {daemon, _} = agent(plan([point("Sample")], %{"limits" => %{"events" => 3}}))
    run(fn -> Sample.leaf(1) end)
    until(&(&1.type == "capture_end"))
    TestDaemon.cut(daemon)
    assert_receive {:daemon, ["hello", _]}, 20_000
    TestDaemon.ask(daemon, 1, "stats")
    assert_receive {:daemon, ["answer", 1, %{"tracing" => false}]}, 20_000
  end

  for code <- ["protocol", "token", "session"] do
    test "an agent that is refused for good (#{code}) goes" do
      {daemon, _} = agent(plan([point("Sample")]))
      ref = Process.monitor(Session)
      TestDaemon.tell(daemon, ["refused", unquote(code), "no"])
      assert_receive {:DOWN, ^ref, :process, _, :normal}, 10_000
      assert :erlang.trace_info({Sample, :leaf, 1}, :traced) == {:traced, false}
    end
  end

  test "the collector's drop is counted by type, and its batch has no number" do
    buffered = :atomics.new(1, [])
    collector = Collector.start_link(%{session: self(), sender: self(), buffered: buffered, budget: 10_000})
    :atomics.put(buffered, 1, 10_000_000)
    now = :erlang.monotonic_time(:nanosecond)
    for i <- 1..100, do: send(collector, {:trace_ts, self(), :call, {Sample, :leaf, 1}, {:undefined, []}, now + i})
    Collector.flush(collector, ref = make_ref())
    assert_receive {:flushed, ^ref, 0}
    :atomics.put(buffered, 1, 0)
    send(collector, {:trace_ts, self(), :exit, :normal, now + 200})
    Collector.flush(collector, ref = make_ref())
    assert_receive {:flushed, ^ref, 2}
    assert_receive {:batch, 1, one}
    assert_receive {:batch, 2, two}
    {:ok, one} = ElixirScopeAgent.Msgpack.unpack(one)
    {:ok, two} = ElixirScopeAgent.Msgpack.unpack(two)
    assert [%{type: "gap", payload: %{"gap" => %{"dropped" => %{"call" => 100}}}}] = of(one)
    assert [%{type: "exit"}] = of(two)
  end

  defmodule Recorder do
    def function(test, mfa, how, flags), do: send(test, {:traced, {:function, mfa, how, flags}}) && 1
    def process(test, _who, how, flags), do: send(test, {:traced, {:process, how, :silent in flags}}) && 1
    def info(_test, _what, item), do: {item, 0}
  end

  test "where the ladder makes calls silent they are counted before" do
    {:ok, plan} = ElixirScopeAgent.Plan.read(plan([point("Sample")], %{"processes" => []}))
    idle = spawn_link(fn -> Process.sleep(:infinity) end)
    for _ <- 1..10_001, do: send(idle, :event)
    leaf = {Sample, :leaf, 1}
    pattern = %{target: %{mfa: leaf, capture: [], condition: nil, sampling: 1}}
    parts = %{collector: idle, sender: idle, helper: idle, tracer: {:sessions, Recorder, self()}, options: %{}}
    kept = %{plan: plan, early: nil, patterns: %{leaf => pattern}, hot: %{}, muted: nil, caller_line: true}
    ladder = %{Ladder.start() | level: 2, since: 0}
    assert %{muted: {"the ladder", _, nil, [^leaf]}, ladder: %{level: 3}} = ElixirScopeAgent.Protection.tick(Map.merge(parts, Map.put(kept, :ladder, ladder)))
    assert_received {:traced, first}
    assert first == {:function, leaf, true, [:call_count]}
    assert_received {:traced, {:process, false, _}}
  end

  defmodule Counter do
    # Three calls more each time that somebody asks.
    def info(test, mfa, :call_count), do: send(test, {:asked, mfa}) && {:call_count, 3 * Process.put(:asked, Process.get(:asked, 1) + 1)}
    defdelegate function(test, mfa, how, flags), to: Recorder
    defdelegate process(test, who, how, flags), to: Recorder
  end

  defmodule Replaced do
    def info(_test, _mfa, item), do: {item, false}
    defdelegate function(test, mfa, how, flags), to: Recorder
  end

  defp told_gaps(messages) do
    for {:agent, :event, 20, payload, nil} <- messages do
      {:ok, %{"gap" => gap}} = Msgpack.unpack(payload)
      Map.take(gap, ["dropped", "unknown"])
    end
  end

  test "how many calls were silent is told before any is told again, and what was counted in the moment between after it" do
    {:ok, plan} = ElixirScopeAgent.Plan.read(plan([point("Sample")], %{"processes" => []}))
    leaf = {Sample, :leaf, 1}
    patterns = Map.new([leaf, {Sample, :leaf, :_}], &{&1, %{target: %{mfa: &1, capture: [], condition: nil, sampling: 1}}})
    Process.put(:asked, 1)
    state = %{collector: self(), sender: self(), helper: self(), tracer: {:sessions, Counter, self()}, plan: plan, patterns: patterns}
    state = Map.merge(state, %{hot: %{}, muted: nil, ladder: Ladder.start(), caller_line: true, early: nil})
    # Of a function with two patterns, once.
    assert %{muted: {_, _, nil, [^leaf]}} = state = Counting.mute("too much", nil, state)
    flush()
    assert %{muted: nil} = Counting.unmute(state)
    {:messages, messages} = Process.info(self(), :messages)
    heard = Enum.find_index(messages, &match?({:traced, {:process, false, true}}, &1))
    {before, later} = Enum.split(messages, heard)
    assert told_gaps(before) == [%{"dropped" => %{"call" => 3}, "unknown" => ["return", "exception"]}]
    assert told_gaps(later) == [%{"dropped" => %{"call" => 3}, "unknown" => ["return", "exception"]}]
    refute {:traced, {:function, leaf, false, [:call_count]}} in before
    assert {:traced, {:function, leaf, false, [:call_count]}} in later
  end

  test "a function that was called too often and whose code is replaced meanwhile: nobody knows how often it was called" do
    leaf = {Sample, :leaf, 1}
    state = %{collector: self(), tracer: {:sessions, Replaced, self()}, hot: %{leaf => {0, 0}, {Other, :f, 0} => {0, 0}}}
    assert %{hot: %{{Other, :f, 0} => _} = left} = Counting.replaced(Sample, state)
    assert map_size(left) == 1
    {:messages, messages} = Process.info(self(), :messages)
    assert told_gaps(messages) == [%{"dropped" => %{}, "unknown" => ["call", "return", "exception"]}]
  end

  test "a step of the ladder tells what the plan asked for and does not get, for as long as that was so" do
    collector = spawn_link(fn -> Process.sleep(:infinity) end)
    for _ <- 1..10_001, do: send(collector, :event)

    parts = %{
      collector: collector,
      sender: collector,
      helper: collector,
      tracer: {:sessions, Recorder, self()},
      options: %{},
      patterns: %{},
      hot: %{},
      muted: nil,
      caller_line: true
    }

    step = fn plan, level ->
      {:ok, plan} = ElixirScopeAgent.Plan.read(plan([point("Sample")], Map.put(plan, "processes", [])))
      ladder = %{Ladder.start() | level: level, since: if(level > 0, do: :erlang.monotonic_time(:millisecond) - 5_000)}
      ElixirScopeAgent.Protection.tick(Map.merge(parts, %{plan: plan, early: ElixirScopeAgent.Plan.early(plan), ladder: ladder}))
      {:messages, messages} = Process.info(collector, :messages)
      {:agent, :event, 27, payload, nil} = Enum.find(Enum.reverse(messages), &match?({:agent, :event, _, _, _}, &1))
      {:ok, %{"gap" => gap}} = Msgpack.unpack(payload)
      {Map.get(gap, "unknown"), div(gap["to_ns"] - gap["from_ns"], 1_000_000_000)}
    end

    assert step.(%{}, 0) == {nil, 0}
    assert step.(%{}, 1) == {nil, 5}
    assert step.(%{"messages" => true}, 1) == {["receive", "send"], 5}
    assert step.(%{"gc" => true}, 2) == {["gc_end", "gc_start"], 5}
  end

  test "the ladder goes up with the queue, at once when it is hopeless, and down by steps" do
    up = Enum.scan(1..6, Ladder.start(), fn at, state -> Ladder.step(state, 20_000, 0, at) end)
    assert Enum.map(up, & &1.level) == [1, 2, 3, 4, 4, 4]
    assert Ladder.step(Ladder.start(), 3_000_000, 0, 0).level == 5
    assert Ladder.step(Ladder.start(), 0, 2_000_000_000, 0).level == 5
    assert Ladder.step(Ladder.start(), 300_000, 0, 0).level == 4
    down = Enum.scan(1..100, List.last(up), fn at, state -> Ladder.step(state, 0, 0, at * 10_000) end)
    assert List.last(down).level == 0
    assert Enum.all?(Enum.zip(down, tl(down)), fn {a, b} -> (a.level - b.level) in [0, 1] end)
  end

  defp batches(last?, acc \\ []) do
    receive do
      {:daemon, ["batch", no | _] = frame} ->
        events = of(frame)
        acc = acc ++ [{no, Enum.map(events, &Map.take(&1, [:type, :time, :pid, :mfa]))}]
        if last?.(events), do: acc, else: batches(last?, acc)
    after
      5_000 -> raise "no batch"
    end
  end

  defp flush do
    receive do
      _ -> flush()
    after
      0 -> :ok
    end
  end

  # The agent says how it stands; asked until it stands so.
  defp stats_when(wanted, tries \\ 1_000) do
    stats = Session.stats()

    cond do
      is_map(stats) and wanted.(stats) -> stats
      tries == 0 -> raise inspect(stats)
      true -> receive(after: (10 -> stats_when(wanted, tries - 1)))
    end
  end
end
