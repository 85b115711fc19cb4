defmodule ElixirScopeAgent.WaysInTest do
  use ElixirScopeAgent.TestAgent
  alias ElixirScopeAgent.Msgpack

  setup do
    {:ok, dir: tmp_dir()}
  end

  test "by erl's flags and the environment, with the tests told and everything sent before the node ends", %{dir: dir} do
    script = Path.join(dir, "t.exs")

    File.write!(script, """
    defmodule Counted do
      def one(x), do: x + 1
      def in_other(x), do: Task.await(Task.async(fn -> {one(x)} end))
      def served(x), do: Agent.get(Counted.Server, fn _ -> {two(x)} end)
      def two(x), do: x + 2
    end

    {:ok, _} = Agent.start(fn -> nil end, name: Counted.Server)
    ExUnit.start()

    defmodule CountedTest do
      use ExUnit.Case
      test "one" do
        assert Counted.one(1) == 2
      end
      test "in a task" do
        assert Counted.in_other(2) == {3}
      end
      test "by a server" do
        assert Counted.served(1) == {3}
      end
      test "fails" do
        assert Counted.one(1) == 1
      end
    end
    """)

    daemon = TestDaemon.start(plan: plan([point("Counted")]))
    env = environment(daemon.path, [{"ELIXIR_SCOPE_TESTS", "1"}])
    {output, 2} = System.cmd("elixir", [script], env: env, stderr_to_stdout: true)
    assert output =~ "4 tests, 1 failure"
    assert_receive {:daemon, ["bye", %{"reason" => "the node ends"}]}, 20_000
    events = received()
    starts = Enum.filter(events, &(&1.type == "test_start"))
    ends = Enum.filter(events, &(&1.type == "test_end"))
    assert Enum.sort(Enum.map(starts, & &1.payload["test"]["name"])) == ["test by a server", "test fails", "test in a task", "test one"]

    assert Map.new(ends, &{&1.payload["test"]["name"], &1.payload["test"]["state"]}) == %{
             "test by a server" => "passed",
             "test fails" => "failed",
             "test in a task" => "passed",
             "test one" => "passed"
           }

    calls = Enum.filter(events, &(&1.type == "call" and match?({"Counted", _, _}, &1.mfa)))
    # Also what a process does that a test has started, and a server that it asked.
    assert Enum.sort(Enum.map(calls, &{elem(&1.mfa, 1), &1.corr})) == [
             {"-in_other/1-fun-0-", "test:CountedTest.test in a task"},
             {"-served/1-fun-0-", "test:CountedTest.test by a server"},
             {"in_other", "test:CountedTest.test in a task"},
             {"one", "test:CountedTest.test fails"},
             {"one", "test:CountedTest.test in a task"},
             {"one", "test:CountedTest.test one"},
             {"served", "test:CountedTest.test by a server"},
             {"two", "test:CountedTest.test by a server"}
           ]
  end

  test "what is wrong with it is one line, and the program runs", %{dir: dir} do
    for env <- [
          environment(nil),
          environment(Path.join(dir, "none"), [{"ELIXIR_SCOPE_WAIT_MS", "50"}]),
          environment("x", [{"ELIXIR_SCOPE_PLAN", Path.join(dir, "none")}])
        ] do
      assert {output, 0} = System.cmd("elixir", ["-e", "IO.puts(:runs)"], env: env, stderr_to_stdout: true)
      assert output =~ "runs"
      assert length(String.split(output, "\n", trim: true)) <= 2
    end
  end

  test "all of its code is there before the first event comes", %{dir: dir} do
    env = environment(Path.join(dir, "none"), [{"ELIXIR_SCOPE_WAIT_MS", "0"}])
    script = "IO.inspect(Enum.map(:code.all_loaded(), &elem(&1, 0)), limit: :infinity)"
    {output, 0} = System.cmd("elixir", ["-e", script], env: env)
    {:ok, modules} = :application.get_key(:elixir_scope_agent, :modules)
    loaded = output |> Code.eval_string() |> elem(0)
    assert Enum.filter(modules, &ElixirScopeAgent.Boot.ours?/1) -- loaded == []
  end

  test "attached to a node without Elixir, and gone from it without a trace", %{dir: dir} do
    epmd_port = Integer.to_string(20_000 + :rand.uniform(20_000))
    epmd = Port.open({:spawn_executable, System.find_executable("epmd")}, [:binary, args: ["-port", epmd_port, "-address", "127.0.0.1"]])
    killed_at_end(epmd)
    name = "plain#{System.unique_integer([:positive])}@127.0.0.1"
    cookie = Path.join(dir, "cookie")
    File.write!(cookie, "a_cookie_of_the_test\n")
    plan = Path.join(dir, "plan.msgpack")
    File.write!(plan, Msgpack.pack(plan([point(":plain")])))

    File.write!(Path.join(dir, "plain.erl"), """
    -module(plain).
    -export([main/0, leaf/1]).
    main() -> io:format("up~n"), loop(0).
    loop(N) -> {leaf(N)}, receive after 5 -> loop(N + 1) end.
    leaf(N) -> N.
    """)

    {_, 0} = System.cmd("erlc", ["+debug_info", "plain.erl"], cd: dir)
    env = [{'ERL_EPMD_PORT', String.to_charlist(epmd_port)}, {'HOME', String.to_charlist(dir)}]
    target = erl(["-noshell", "-name", name, "-setcookie", "a_cookie_of_the_test", "-start_epmd", "false", "-pa", dir, "-eval", "plain:main()."], env)
    line(target, "up")

    daemon = TestDaemon.start()

    args =
      ~w(-noshell -hidden -start_epmd false -setcookie none -pa) ++
        [ebin()] ++ ~w(-s Elixir.ElixirScopeAgent.Attach main -extra) ++ [name, "--socket", daemon.path, "--cookie-file", cookie, "--plan", plan]

    refute Enum.any?(args, &(&1 =~ "a_cookie"))
    attach = erl(args, env)
    line(attach, "attached " <> name)
    assert_receive {:daemon, ["hello", %{"node" => ^name, "elixir" => nil}]}, 20_000
    events = until(&(&1.type == "return" and &1.mfa == {":plain", "leaf", 1}))
    assert %{caller: {":plain", "loop", 1, "plain.erl", 4}} = Enum.find(events, &(&1.type == "call" and &1.mfa == {":plain", "leaf", 1}))
    assert_receive {:daemon, ["modules", [[":plain", _, _, lines]]]}, 20_000
    assert ["leaf", 1, [5]] in lines

    # A second one is told that the first is there.
    second = erl(args, env)
    line(second, "failed busy")
    assert_receive {^second, {:exit_status, 5}}, 10_000

    # The end of its standard input is the end: a program that dies takes the agent with it.
    {:os_pid, os_pid} = Port.info(attach, :os_pid)
    System.cmd("kill", ["-KILL", Integer.to_string(os_pid)])
    assert_receive {:daemon, ["bye", %{"reason" => "whoever attached the agent is gone"}]}, 10_000
    third = until_attached(args, env, name)
    Port.command(third, "detach\n")
    line(third, "ended detached")
    assert_receive {^third, {:exit_status, 0}}, 10_000
    asked = "{[M || {M, _} <- code:all_loaded(), lists:prefix(\"Elixir.\", atom_to_list(M))], erlang:trace_info({plain,leaf,1},traced)}."
    File.write!(Path.join(dir, "asked"), asked)

    eval =
      ~S|{ok, B} = file:read_file("asked"), {ok, T, _} = erl_scan:string(binary_to_list(B)), {ok, E} = erl_parse:parse_exprs(T), | <>
        "io:format(\"~w~n\", [rpc:call('#{name}', erl_eval, exprs, [E, []])]), halt()."

    env = for {key, value} <- env, do: {to_string(key), to_string(value)}

    {output, 0} =
      System.cmd("erl", ["-noshell", "-name", "c" <> name, "-setcookie", "a_cookie_of_the_test", "-start_epmd", "false", "-eval", eval], env: env, cd: dir)

    assert output =~ "{value,{[],{traced,false}}"
  end

  # The code of the one before goes a moment after its agent has ended.
  defp until_attached(args, env, name, tries \\ 20) do
    port = erl(args, env)

    receive do
      {^port, {:data, {_, "attached " <> _}}} -> port
      {^port, {:data, {_, "failed" <> _}}} when tries > 0 -> until_attached(args, env, name, tries - 1)
    after
      10_000 -> raise "not attached"
    end
  end

  defp erl(args, env) do
    port = Port.open({:spawn_executable, System.find_executable("erl")}, [:binary, :exit_status, {:line, 10_000}, args: args, env: env])
    killed_at_end(port)
    port
  end

  # Whatever becomes of the test, nothing it started stays.
  defp killed_at_end(port) do
    {:os_pid, pid} = Port.info(port, :os_pid)
    on_exit(fn -> System.cmd("kill", ["-KILL", Integer.to_string(pid)], stderr_to_stdout: true) end)
  end

  defp line(port, start) do
    receive do
      {^port, {:data, {_, text}}} -> if String.starts_with?(text, start), do: text, else: raise("#{inspect(text)}, expected #{start}")
      {^port, {:exit_status, status}} -> raise "ended with #{status}, expected #{start}"
    after
      10_000 -> raise "nothing came, expected #{start}"
    end
  end
end
