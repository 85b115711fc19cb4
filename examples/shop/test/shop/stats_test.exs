defmodule Shop.StatsTest do
  use ExUnit.Case, async: true

  alias Shop.Stats

  test "counters count, and a difference has only what changed" do
    before = Stats.snapshot()
    Stats.bump(:apples)
    Stats.bump(:apples, 2)
    assert %{apples: 3} = Stats.diff(before, Stats.snapshot())
    assert Stats.get(:no_such_counter) == 0
  end

  test "a key is new once" do
    assert Stats.first?({:test, 1})
    refute Stats.first?({:test, 1})
  end
end
