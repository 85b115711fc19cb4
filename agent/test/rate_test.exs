defmodule ElixirScopeAgent.RateTest do
  use ExUnit.Case, async: true
  import ElixirScopeAgent.TestEvents
  alias ElixirScopeAgent.{Collector, Msgpack, Rate, Term}

  @ms 1_000_000
  @second 1000 * @ms

  # How many of these events are taken, and when: each of them asks for one token.
  defp taken(times, rate) do
    {taken, _} =
      Enum.flat_map_reduce(times, Rate.new(rate), fn at, bucket ->
        case Rate.room(at, 1, bucket) do
          {1, bucket} -> {[at], Rate.take(1, at, bucket)}
          {0, bucket} -> {[], bucket}
        end
      end)

    taken
  end

  defp most_in_a_second(times) do
    for {from, i} <- Enum.with_index(times), reduce: 0 do
      most -> max(most, times |> Enum.drop(i) |> Enum.take_while(&(&1 < from + @second)) |> length())
    end
  end

  test "the burst is the whole rate, and in no second are there more" do
    # From below 0, as monotonic time is.
    assert length(taken(List.duplicate(-5, 1_000), 100)) == 100
    assert length(taken([0 | List.duplicate(@second, 3)], 1)) == 2
    assert taken([0], 0) == []

    for _ <- 1..30 do
      times = Enum.scan(1..400, -@second, fn _, at -> at + Enum.random([0, 1, @ms, 7 * @ms, 60 * @ms]) end)
      taken = taken(times, 50)
      assert most_in_a_second(taken) <= 50
      assert length(taken) >= 50
    end
  end

  test "what is within the rate is taken, whenever it comes" do
    times = Enum.map(0..500, &(&1 * 11 * @ms))
    assert taken(times, 100) == times
  end

  defp config do
    %{limits: Term.limits(4, 1024, []), results: %{}, exceptions: %{}, messages: false, samples: %{}, plan: nil, early: nil, modules: %{}, rate: nil}
  end

  # Times are the events' own: nothing here depends on how fast it runs.
  defp collected(times, config) do
    buffered = :atomics.new(1, [])
    collector = Collector.start_link(%{session: self(), sender: self(), buffered: buffered, budget: 1_000_000_000})
    Collector.configure(collector, Map.merge(config(), config))
    for at <- times, do: send(collector, {:trace_ts, self(), :return_from, {Sample, :leaf, 1}, List.duplicate("0123456789", 100), at})
    Collector.flush(collector, ref = make_ref())
    assert_receive {:flushed, ^ref, last}, 20_000
    frames = for no <- 1..last//1, do: assert_receive({:batch, ^no, _}) |> elem(2)
    assert Enum.all?(frames, &(byte_size(&1) <= 8_388_608))
    for frame <- frames, event <- of(elem({:ok, _} = Msgpack.unpack(frame), 1)), do: event
  end

  test "a burst of a moment is bounded, too: what is beyond the rate is counted, and the session told once" do
    now = :erlang.monotonic_time(:nanosecond)
    # Times of several processes do not rise.
    times = Enum.map(Enum.concat(1..1_000, 5_000..1_001//-1), &(now + &1)) ++ [now + 1100 * @ms]
    events = collected(times, %{rate: 1_000})
    assert %{"return" => 1_001, "gap" => 1} = Enum.frequencies_by(events, & &1.type)
    assert %{payload: %{"gap" => gap}} = Enum.find(events, &(&1.type == "gap"))
    assert %{"reason" => "more events at once than the rate allows", "dropped" => %{"return" => 4_000}} = gap
    assert gap["to_ns"] - gap["from_ns"] == 3_999
    # A return that comes later must not find a call from before.
    assert List.last(events).type == "return"
    assert_received :over
    refute_received :over
  end

  test "the session is told again, also while nothing can be told to the daemon" do
    buffered = :atomics.new(1, [])
    :atomics.put(buffered, 1, 1_000_000_000)
    collector = Collector.start_link(%{session: self(), sender: self(), buffered: buffered, budget: 1})
    Collector.configure(collector, Map.put(config(), :rate, 10))
    now = :erlang.monotonic_time(:nanosecond)
    for at <- [now, now + 2 * @second], i <- 1..20, do: send(collector, {:trace_ts, self(), :exit, :normal, at + i})
    Collector.flush(collector, ref = make_ref())
    assert_receive {:flushed, ^ref, 0}, 5_000
    for _ <- 1..2, do: assert_received(:over)
    refute_received :over
  end

  test "no batch is larger than a frame, whatever results are in it" do
    now = :erlang.monotonic_time(:nanosecond)
    events = collected(Enum.map(1..16_000, &(now + &1)), %{results: %{{Sample, :leaf, 1} => true}, limits: Term.limits(4, 4096, [])})
    assert Enum.frequencies_by(events, & &1.type) == %{"return" => 16_000}
  end
end
