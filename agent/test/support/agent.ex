defmodule ElixirScopeAgent.TestAgent do
  @moduledoc "The agent in the tests' own node, against a daemon of theirs; and what the commands need that start one elsewhere."

  use ExUnit.CaseTemplate

  alias ElixirScopeAgent.{Boot, Session, TestDaemon}

  using do
    quote do
      @moduletag :capture_log
      import ElixirScopeAgent.TestAgent
      import ElixirScopeAgent.TestEvents
      alias ElixirScopeAgent.{Session, TestDaemon}
    end
  end

  setup do
    on_exit(fn -> Session.stop() end)
  end

  @doc "The daemon and what the agent said to it, once the daemon's plan (or that of the options) is in force."
  def agent(plan, daemon_options \\ [], options \\ %{}) do
    daemon = TestDaemon.start([plan: plan] ++ daemon_options)
    {:ok, _} = Session.start(Map.merge(%{address: {:local, daemon.path}}, options))
    assert_receive {:daemon, ["hello", hello]}, 20_000
    Session.ready(2_000)
    Session.sync()
    {daemon, hello}
  end

  @doc "What the agent says that the plan came to."
  def planned do
    assert_receive {:daemon, ["planned", planned]}, 20_000
    planned
  end

  @doc "In a process of its own: which it was is part of what is known, and the test's own, being the agent's parent, is not traced."
  def run(fun) do
    {pid, ref} = spawn_monitor(fun)
    assert_receive {:DOWN, ^ref, :process, ^pid, :normal}, 60_000
    ElixirScopeAgent.Names.process(pid)
  end

  @doc "A directory that goes with the test. Its name has a space."
  def tmp_dir do
    dir = Path.join(System.tmp_dir!(), "es agent #{System.unique_integer([:positive])} #{System.os_time()}")
    File.mkdir_p!(dir)
    on_exit(fn -> File.rm_rf!(dir) end)
    dir
  end

  @doc "Where the agent's beams are."
  def ebin, do: Path.dirname(to_string(:code.which(Boot)))

  @doc "The environment in which a command starts with the agent in it."
  def environment(socket, more \\ []), do: [{"ERL_AFLAGS", ~s(-pa "#{ebin()}" -s Elixir.ElixirScopeAgent.Boot start)}, {"ELIXIR_SCOPE_SOCKET", socket} | more]
end
