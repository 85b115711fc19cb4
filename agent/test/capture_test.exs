defmodule ElixirScopeAgent.CaptureTest do
  use ElixirScopeAgent.TestAgent

  defp stop do
    Session.stop()
    assert_receive {:daemon, ["bye", bye]}, 20_000
    assert [] = for(pid <- Process.list(), {:flags, [_ | _]} <- [:erlang.trace_info(pid, :flags)], do: pid)
    bye
  end

  test "what the daemon has not acknowledged when the agent ends is told to whoever started the node" do
    {_daemon, _hello} = agent(plan([point("Sample")]), ack: false)
    run(fn -> Sample.leaf(1) end)
    told = ExUnit.CaptureIO.capture_io(:stderr, fn -> Session.stop() end)
    assert told =~ ~r/^elixir_scope_agent: the daemon had not acknowledged the last [1-9]\d* batches of events when the agent ended: they may be lost\n$/
  end

  test "what a plan has beyond what an agent traces is told" do
    {:ok, plan} = ElixirScopeAgent.Plan.read(plan(for(n <- 1..5_003, do: point("Sample", %{"id" => "#{n}"}))))
    assert {targets, [%{"reason" => "a plan traces 5000 modules or functions at most; left out are 3"}]} = ElixirScopeAgent.Plan.targets(plan)
    assert length(targets) == 5_000
    {:ok, whole} = ElixirScopeAgent.Plan.read(plan([point("Sample")]))
    assert {[_], []} = ElixirScopeAgent.Plan.targets(whole)
  end

  test "calls, returns and who called from where are those of the program" do
    agent(plan([point("Sample")]))
    planned = planned()
    assert [%{"module" => "Sample", "functions" => n}] = planned["matched"]
    assert n >= 8
    pid = run(fn -> {Sample.outer(3)} end)
    assert stop()["reason"] == "stopped"
    events = received()
    assert %{type: "capture_start", payload: %{"plan" => "p", "points" => [%{"id" => "1", "module" => "Sample"}]}} = hd(events)
    assert List.last(events).type == "capture_end"
    mine = Enum.filter(events, &(&1.pid == pid))

    assert [
             {"call", {"Sample", "outer", 1}, {"ElixirScopeAgent.CaptureTest", _, 0, file, line}},
             {"call", {"Sample", "inner", 1}, {"Sample", "outer", 1, sample, 6}},
             {"return", {"Sample", "inner", 1}, nil},
             {"return", {"Sample", "outer", 1}, nil}
           ] = Enum.map(mine, &{&1.type, &1.mfa, &1.caller})

    assert String.ends_with?(file, "capture_test.exs")
    assert String.ends_with?(sample, "test/support/sample.ex")
    assert line > 0
    assert Enum.map(mine, & &1.time) == Enum.sort(Enum.map(mine, & &1.time))
    assert abs(hd(mine).time - System.os_time(:nanosecond)) < 60_000_000_000
    assert Enum.all?(mine, &(&1.payload == nil))
  end

  test "arguments, results and exceptions where they are asked for, without what is secret" do
    agent(plan([point("Sample", %{"capture" => ["args", "result", "exceptions", "caller"]})], %{"redact" => ["pin"]}))
    pid = run(fn -> Sample.login(%{name: "ann", password: "hush", pin: 7, list: [1, {:a, 2.5}]}) end)

    other =
      run(fn ->
        try do
          Sample.fails("no")
        rescue
          ArgumentError -> :ok
        end
      end)

    stop()
    events = received()
    [call, return] = Enum.filter(events, &(&1.pid == pid))
    assert %{"args" => [map]} = call.payload
    assert map[{:ext, 1, "name"}] == "ann"
    assert map[{:ext, 1, "password"}] == {:ext, 6, "password"}
    assert map[{:ext, 1, "pin"}] == {:ext, 6, "pin"}
    assert [1, {:ext, 2, _}] = map[{:ext, 1, "list"}]
    assert %{"result" => ^map} = return.payload
    assert [_, %{type: "exception", payload: %{"class" => {:ext, 1, "error"}, "value" => value}}] = Enum.filter(events, &(&1.pid == other))
    assert value["__struct__"] == {:ext, 1, "ArgumentError"}
    refute inspect(events) =~ "hush"
  end

  test "messages with who sent them, lives of processes" do
    agent(plan([], %{"messages" => true, "lifecycle" => true, "message_payloads" => true}))
    # The tree is walked by a process of its own, in its own time.
    first = until(&(&1.type == "supervision"))
    test = self()

    pid =
      run(fn ->
        own = self()
        child = spawn_link(fn -> receive(do: ({^own, :hello} -> send(own, :back))) end)
        send(test, {:child, child})
        send(child, {own, :hello})
        receive(do: (:back -> :ok))
      end)

    child = receive(do: ({:child, child} -> inspect(child) |> String.slice(5..-2)))
    stop()
    events = first ++ received()
    of_child = Enum.filter(events, &(&1.pid == child))
    assert %{type: "spawned", peer: ^pid} = hd(of_child)
    assert %{peer: ^pid, payload: %{"message" => _}} = Enum.find(of_child, &(&1.type == "receive"))
    assert %{peer: ^pid} = Enum.find(of_child, &(&1.type == "send"))
    assert %{payload: %{"reason" => {:ext, 1, "normal"}}} = Enum.find(of_child, &(&1.type == "exit"))
    assert Enum.any?(events, &(&1.pid == pid and &1.type == "spawn" and &1.peer == child))
    assert Enum.any?(events, &(&1.pid == pid and &1.type == "link" and &1.peer == child))
    assert Enum.any?(events, &(&1.type == "supervision" and is_list(&1.payload["tree"]["apps"])))
  end

  test "a condition is a guard; sampling takes a call and its return together; a switched off point is none" do
    condition = %{"arg" => 0, "op" => ">", "value" => 10}

    agent(
      plan([
        point("Sample", %{"function" => "inner", "arity" => 1, "condition" => condition}),
        point("Sample", %{"function" => "leaf", "arity" => 1, "sampling" => 0.2}),
        point("Sample", %{"function" => "outer", "enabled" => false})
      ])
    )

    pid = run(fn -> for(n <- 1..20, do: Sample.outer(n)) && Sample.calls(1_000) end)
    stop()
    counts = received() |> Enum.filter(&(&1.pid == pid)) |> Enum.frequencies_by(&{&1.type, elem(&1.mfa, 1)})
    assert %{{"call", "inner"} => 10, {"return", "inner"} => 10, {"call", "leaf"} => n, {"return", "leaf"} => n} = counts
    assert n > 100 and n < 320
    refute Map.has_key?(counts, {"call", "outer"})
  end

  test "without `return` a loop that calls itself does not grow and has no returns" do
    agent(plan([point("Sample", %{"function" => "hot", "capture" => ["caller"]})]))
    pid = run(fn -> Sample.hot(1_000) end)
    stop()
    assert %{"call" => 1001} = counts = received() |> Enum.filter(&(&1.pid == pid)) |> Enum.frequencies_by(& &1.type)
    assert map_size(counts) == 1
  end

  test "what would trace the runtime system is refused, and says why" do
    agent(
      plan([
        point("*"),
        point(":lists"),
        point("Enum"),
        point("*", %{"scope" => %{"app" => "stdlib"}}),
        point("ElixirScopeAgent.Session"),
        point("Sample", %{"condition" => %{"arg" => 0}})
      ])
    )

    planned = planned()
    assert length(planned["refused"]) >= 5
    assert Enum.all?(planned["refused"], &is_binary(&1["reason"]))
  end

  test "modules are told with md5, file and the lines of their clauses" do
    agent(plan([point("Sample")]))
    assert_receive {:daemon, ["modules", [["Sample", md5, file, lines]]]}, 20_000
    assert md5 == Sample.module_info(:md5)
    assert String.ends_with?(file, "test/support/sample.ex")
    assert ["hot", 1, [12, 13]] in lines
  end

  test "only the processes that are named, and what they start" do
    name = :"named #{System.unique_integer()}"
    test = self()

    pid =
      spawn(fn ->
        Process.register(self(), name)
        send(test, :there)

        receive(
          do:
            (:go ->
               spawn(fn ->
                 Sample.leaf(1)
                 send(test, :done)
               end))
        )
      end)

    assert_receive :there
    agent(plan([point("Sample")], %{"processes" => [Atom.to_string(name)]}))
    run(fn -> Sample.leaf(2) end)
    send(pid, :go)
    assert_receive :done
    stop()
    calls = Enum.filter(received(), &(&1.type == "call"))
    assert [%{mfa: {"Sample", "leaf", 1}}] = calls
  end

  test "limits of events and time end the capture, and say so" do
    agent(plan([point("Sample")], %{"limits" => %{"events" => 100}}))
    run(fn -> Sample.calls(1_000) end)
    assert %{payload: %{"reason" => "the events of the plan are reached"}} = until(&(&1.type == "capture_end")) |> List.last()
    assert :erlang.trace_info({Sample, :leaf, 1}, :traced) == {:traced, false}
  end

  test "nothing is left behind: no flags, no patterns" do
    agent(plan([point("Sample", %{"capture" => ["args"]})], %{"messages" => true, "lifecycle" => true}))
    assert {:traced, :local} = :erlang.trace_info({Sample, :leaf, 1}, :traced)
    assert {:flags, []} = :erlang.trace_info(Process.whereis(Session), :flags)
    assert {:flags, []} = :erlang.trace_info(Process.whereis(:logger), :flags)
    stop()
    assert {:traced, false} = :erlang.trace_info({Sample, :leaf, 1}, :traced)
    assert {:flags, []} = :erlang.trace_info(:new, :flags)
    for pid <- Process.list(), {:flags, flags} <- [:erlang.trace_info(pid, :flags)], do: assert(flags == [])
  end

  test "nothing is left behind when the collector is killed" do
    agent(plan([point("Sample")]))
    ref = Process.monitor(Session)
    {:links, links} = Process.info(Process.whereis(Session), :links)
    collector = Enum.find(links, &match?({:message_queue_data, :off_heap}, Process.info(&1, :message_queue_data)))
    Process.exit(collector, :kill)
    assert_receive {:DOWN, ^ref, :process, _, _}, 20_000
    assert {:traced, false} = :erlang.trace_info({Sample, :leaf, 1}, :traced)
    assert {:flags, []} = :erlang.trace_info(:new, :flags)
  end

  test "where another tracer is, nothing is started and the plan says why" do
    tracer = spawn(fn -> receive(do: (:end -> :ok)) end)
    target = spawn(fn -> receive(do: (:end -> :ok)) end)
    :erlang.trace(target, true, [:call, {:tracer, tracer}])
    agent(plan([point("Sample")]))
    assert planned()["error"] =~ "another tracer"
    assert {:tracer, ^tracer} = :erlang.trace_info(target, :tracer)
    send(tracer, :end)
  end

  test "where there are trace sessions (OTP 27) it has one of its own, and ends it" do
    Process.register(self(), :stand_in_trace_test)
    {_, hello} = agent(plan([point("Sample")], %{"messages" => true}), [], %{trace: ElixirScopeAgent.StandInTrace})
    assert hello["trace"] == "sessions"
    assert [_] = planned()["matched"]
    assert_received {:trace_session, {:session_create, :elixir_scope}}
    assert {:match_spec, [_ | _]} = :erlang.trace_info(:on_load, :match_spec)
    pid = run(fn -> Sample.leaf(1) end)
    stop()
    assert_received {:trace_session, :session_destroy}
    assert ["call", "return"] = for(%{pid: ^pid, mfa: {_, _, _}} = event <- received(), do: event.type)
    assert :erlang.trace_info({Sample, :leaf, 1}, :traced) == {:traced, false}
  end

  test "a label of seq_trace is the correlation id" do
    agent(plan([point("Sample")]))

    run(fn ->
      :seq_trace.set_token(:label, 42)
      Sample.leaf(1)
      :seq_trace.set_token([])
    end)

    stop()
    assert %{corr: "seq:42"} = Enum.find(received(), &(&1.type == "call"))
  end

  test "what is asked is answered" do
    {daemon, _} = agent(plan([point("Sample")]))
    for {what, id} <- Enum.with_index(["stats", "supervision", "processes", "nonsense"]), do: TestDaemon.ask(daemon, id, what)
    assert_receive {:daemon, ["answer", 0, %{"level" => "full", "tracing" => true}]}, 20_000
    assert_receive {:daemon, ["answer", 1, %{"apps" => apps}]}, 20_000
    assert %{"children" => [_ | _]} = Enum.find(apps, &(&1["app"] == "kernel"))
    assert_receive {:daemon, ["answer", 2, %{"processes" => [_ | _]}]}, 20_000
    assert_receive {:daemon, ["answer", 3, ["error", _]]}, 20_000
  end

  test "a child that is restarted is told" do
    # Under an application's top: the walk begins there.
    children = [%{id: :worker, start: {Agent, :start_link, [Map, :new, []]}}]

    {:ok, sup} =
      Supervisor.start_child(:kernel_safe_sup, %{id: :sample_sup, start: {Supervisor, :start_link, [children, [strategy: :one_for_one]]}, type: :supervisor})

    agent(plan([], %{"lifecycle" => true}))
    until(&(&1.type == "supervision"))
    [{:worker, old, _, _}] = Supervisor.which_children(sup)
    Process.exit(old, :kill)
    events = until(&(&1.type == "supervision" and &1.payload["changes"] != nil))
    changes = List.last(Enum.filter(events, &(&1.type == "supervision"))).payload["changes"]
    assert %{"was" => was} = Enum.find(changes, &(&1["change"] == "restarted"))
    assert was == inspect(old) |> String.slice(5..-2)
    Supervisor.terminate_child(:kernel_safe_sup, :sample_sup)
    Supervisor.delete_child(:kernel_safe_sup, :sample_sup)
  end
end
