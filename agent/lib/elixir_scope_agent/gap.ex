defmodule ElixirScopeAgent.Gap do
  @moduledoc """
  What is missing, in the words of a `gap` (docs/AGENT.md): since when, until when, how many of which type. Pure but for the clock's offset;
  times are nanoseconds of monotonic time.
  """

  alias ElixirScopeAgent.{Msgpack, Types}

  @doc "The payload. `unknown`: types of which events are missing whose number nobody knows."
  def fields(reason, from, to, dropped, unknown \\ []) do
    offset = :erlang.time_offset(:nanosecond)
    gap = %{"reason" => reason, "from_ns" => from + offset, "to_ns" => to + offset, "dropped" => dropped}
    [{"gap", if(unknown == [], do: gap, else: :maps.put("unknown", unknown, gap))}]
  end

  @doc "Counts by type, with the events of a batch's column of types."
  def with_types(counts, <<>>), do: counts
  def with_types(counts, <<type, rest::binary>>), do: counts |> with_one(Types.name(type)) |> with_types(rest)
  defp with_one(counts, name), do: :maps.put(name, :maps.get(name, counts, 0) + 1, counts)

  @doc "What was in a batch, by its frame: since when, until when, how many of which type."
  @spec of_batch(binary) :: {integer, integer, map}
  def of_batch(frame) do
    {:ok, ["batch", _no, t0, _n, _names, [types, ts | _], _payloads]} = Msgpack.unpack(frame)
    <<last::float-little-64>> = :binary.part(ts, byte_size(ts), -8)
    from = t0 - :erlang.time_offset(:nanosecond)
    {from, from + trunc(last), with_types(%{}, types)}
  end
end
