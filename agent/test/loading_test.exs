defmodule ElixirScopeAgent.LoadingTest do
  use ElixirScopeAgent.TestAgent

  setup do
    Code.compiler_options(ignore_module_conflict: true)

    on_exit(fn -> for mod <- [Fresh.One, Fresh.Two, Fresh.Native, Aside], do: {:code.purge(mod), :code.delete(mod)} end)
  end

  defp compile(mod, result), do: Code.compile_string("defmodule #{inspect(mod)} do\n def f(x), do: {g(x), #{result}}\n def g(x), do: x\nend")

  defp calls(events, name), do: for(%{mfa: {^name, fun, _}} = event <- events, do: {event.type, fun})

  # Nothing but messages between loading and calling: no time for anybody to notice.
  defp load_and_call(mod, beam) do
    :code.purge(mod)
    {:module, ^mod} = :code.load_binary(mod, ~c"nofile", beam)
    apply(mod, :f, [1])
  end

  @whole [{"call", "f"}, {"call", "g"}, {"return", "g"}, {"return", "f"}]

  test "code that is loaded while the plan is in force is traced from its first call on, and nothing is missing" do
    agent(plan([point("*", %{"scope" => %{"prefix" => "Fresh."}})]))
    fresh = for mod <- [Fresh.One, Fresh.Two, Aside], [{_, beam}] = compile(mod, 1), do: {mod, beam}
    run(fn -> for {mod, beam} <- fresh, do: load_and_call(mod, beam) end)
    Session.sync()
    run(fn -> {apply(Fresh.One, :f, [2]), apply(Aside, :f, [2])} end)
    Session.stop()
    events = received()
    assert calls(events, "Fresh.One") == @whole ++ @whole
    assert calls(events, "Fresh.Two") == @whole
    # By the patterns of new code, until it was seen that the plan is not for it.
    assert calls(events, "Aside") == []
    refute Enum.any?(events, &(&1.type == "gap"))
    within = Enum.filter(events, &match?(%{type: "call", mfa: {"Fresh.One", "g", 1}}, &1))
    assert [{"Fresh.One", "f", 1, _, 2}, {"Fresh.One", "f", 1, _, 2}] = Enum.map(within, & &1.caller)
  end

  test "code that is loaded anew, changed or not, goes on being traced, and is told" do
    [{_, first}] = compile(Fresh.One, 1)
    agent(plan([point("Fresh.One")]))
    run(fn -> apply(Fresh.One, :f, [1]) end)
    [{_, second}] = compile(Fresh.One, 2)
    run(fn -> for beam <- [second, second, first], do: load_and_call(Fresh.One, beam) end)
    Session.sync()
    Session.stop()
    events = received()
    assert calls(events, "Fresh.One") == List.duplicate(@whole, 4) |> List.flatten()
    assert %{payload: %{"module" => "Fresh.One", "md5" => <<_::binary-size(32)>>}} = Enum.find(events, &(&1.type == "code_load"))
    refute Enum.any?(events, &(&1.type == "gap"))
    assert_receive {:daemon, ["modules", [["Fresh.One", _, _, _]]]}, 20_000
  end

  test "where a point asks for something else, the calls until its pattern are left out, and the time is told" do
    points = [point("Aside"), point("Fresh.One", %{"function" => "g", "condition" => %{"arg" => 0, "op" => "==", "value" => 1}})]
    agent(plan(points))
    [{_, beam}] = compile(Fresh.One, 1)
    before = System.os_time(:nanosecond)
    run(fn -> load_and_call(Fresh.One, beam) end)
    events = until(&(&1.type == "gap"))
    assert %{payload: %{"gap" => gap}} = List.last(Enum.filter(events, &(&1.type == "gap")))
    assert %{"reason" => "code was loaded: Fresh.One", "unknown" => ["call", "return", "exception"], "from_ns" => from, "to_ns" => to} = gap
    # To the millisecond.
    assert from >= before - 1_000_000 and to >= from and to <= System.os_time(:nanosecond)
    Session.sync()
    run(fn -> for n <- [1, 2, 1], do: apply(Fresh.One, :f, [n]) end)
    Session.stop()
    later = events ++ received()
    assert Enum.count(calls(later, "Fresh.One"), &(&1 == {"call", "g"})) == 2
    refute {"call", "f"} in calls(later, "Fresh.One")
  end

  test "code that comes while calls are only counted is not counted, and the gap says that nobody knows" do
    agent(plan([point("*", %{"scope" => %{"prefix" => "Fresh."}})], %{"limits" => %{"rate_per_s" => 2_000}}))
    [{_, one}] = compile(Fresh.One, 1)
    [{_, two}] = compile(Fresh.Two, 1)
    run(fn -> for _ <- 1..10, do: load_and_call(Fresh.One, one) end)
    assert comes_while_muted(two)
  end

  # Again where the machine was busy with something else: then there were too few calls in a second, or the second was over.
  defp comes_while_muted(beam) do
    rate? = &(&1.type == "gap" and &1.payload["gap"]["reason"] == "more events than the rate allows")
    run(fn -> for n <- 1..600, do: apply(Fresh.One, :f, [n]) end)

    if Session.stats()["muted"] do
      run(fn -> load_and_call(Fresh.Two, beam) end)
      %{payload: %{"gap" => gap}} = until(rate?) |> Enum.find(rate?)
      "call" in Map.get(gap, "unknown", []) or comes_while_muted(beam)
    else
      comes_while_muted(beam)
    end
  end

  test "nothing of it is left: no pattern of new code, called or not" do
    agent(plan([point("Fresh.One")]))
    compile(Aside, 1)
    [{_, beam}] = compile(Fresh.Two, 1)
    run(fn -> load_and_call(Fresh.Two, beam) end)
    Session.stop()
    assert {:match_spec, false} = :erlang.trace_info(:on_load, :match_spec)
    for mod <- [Aside, Fresh.Two, Fresh.One], do: assert({:traced, traced} = :erlang.trace_info({mod, :g, 1}, :traced)) && assert(traced in [false, :undefined])
    assert [] = for(mod <- :erlang.loaded(), {:traced, :local} <- [:erlang.trace_info({mod, :module_info, 0}, :traced)], do: mod)
  end

  test "the project's build is loaded before the program runs, where that is asked for" do
    dir = tmp_dir()
    ebin = Path.join(dir, "_build/dev/lib/fresh/ebin")
    File.mkdir_p!(ebin)
    for mod <- [Fresh.One, Fresh.Two, Aside], [{_, beam}] = compile(mod, 1), do: File.write!(Path.join(ebin, "#{mod}.beam"), beam)
    # What has something to do when it is loaded waits until the program wants it.
    [{_, beam}] = Code.compile_string("defmodule Fresh.Native do\n @on_load :up\n def up, do: :ok\nend")
    File.write!(Path.join(ebin, "Elixir.Fresh.Native.beam"), beam)
    daemon = TestDaemon.start(plan: plan([point("*", %{"scope" => %{"prefix" => "Fresh."}})]))
    script = "IO.inspect(for m <- [Fresh.One, Fresh.Two, Fresh.Native, Aside], do: :erlang.module_loaded(m)); apply(Fresh.One, :f, [1])"

    env = environment(daemon.path, [{"ELIXIR_SCOPE_PRELOAD", "1"}, {"MIX_ENV", "dev"}, {"MIX_BUILD_PATH", nil}])
    assert {"[true, true, false, false]\n", 0} = System.cmd("elixir", ["-e", script], env: env, cd: dir)
    assert_receive {:daemon, ["bye", _]}, 20_000
    assert calls(received(), "Fresh.One") == @whole
  end
end
