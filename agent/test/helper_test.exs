defmodule ElixirScopeAgent.HelperTest do
  use ExUnit.Case
  alias ElixirScopeAgent.{Helper, Supervision}

  @walk {Supervision, :walk, 1}

  test "the supervision tree is walked at its times, however many captures there were before" do
    {:module, _} = Code.ensure_loaded(Supervision)
    helper = Helper.start_link(self())
    on_exit(fn -> :erlang.trace_pattern(@walk, false, [:local]) end)
    :erlang.trace_pattern(@walk, true, [:local])
    :erlang.trace(helper, true, [:call, :arity, :monotonic_timestamp])
    for _ <- 1..3, do: {Helper.follow(helper, nil), Helper.follow(helper, self())}
    [_, _, _, first, second] = for _ <- 1..5, do: assert_receive({:trace_ts, ^helper, :call, @walk, _}, 20_000) |> elem(4)
    # A timer may be late, never early.
    assert second - first >= 1_900_000_000
  end
end
