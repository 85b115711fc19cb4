defmodule ElixirScopeAgent.ExUnitTests do
  @moduledoc """
  ExUnit's tests, told by a pattern on the function that runs one: each test is one call of it in a process of its own, and its
  arguments name the test. The pattern stays while a capture lasts, whatever the plan says of that module.
  """

  import ElixirScopeAgent.Lists

  alias ElixirScopeAgent.{Loaded, Processes, Tracer}

  @runs_one {ExUnit.Runner, :exec_test, :_}

  @doc "Tests are told from now on, where that is asked for and ExUnit is there; else it is tried again."
  def trace(%{tests: :unknown, options: %{tests: true}, tracer: tracer} = state) when tracer != nil do
    # The label (its process) goes with every message that is sent because of it: what a server does for a test is told as the test's.
    spec = [{:_, [], [{:set_seq_token, :label, {:self}}, {:exception_trace}, {:message, {{:test, :"$_"}}}]}]

    case :erlang.module_loaded(ExUnit.Runner) and Tracer.functions(tracer, @runs_one, spec, [:local]) do
      {:ok, n} when n > 0 ->
        # Whom a test starts belongs to the test: that takes the life of processes.
        state = %{state | tests: :traced, plan: %{state.plan | lifecycle: true}}
        Processes.trace(state)
        state

      _ ->
        state
    end
  end

  def trace(state), do: state

  @doc "The functions of a module that may lose their patterns."
  def spared(ExUnit.Runner), do: list_of({name, arity} <- Loaded.functions(ExUnit.Runner), name != :exec_test, do: {ExUnit.Runner, name, arity})
  def spared(mod), do: [{mod, :_, :_}]

  @doc "The end of it."
  def clear(%{tests: :traced} = state), do: Tracer.functions(state.tracer, @runs_one, false, [:local])
  def clear(_state), do: :ok
end
