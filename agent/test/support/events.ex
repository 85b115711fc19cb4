defmodule ElixirScopeAgent.TestEvents do
  @moduledoc "Frames of batches as events in plain form, and how tests wait for them."

  alias ElixirScopeAgent.{Msgpack, Types}

  @doc "Events of a batch, each a map; the columns must be as long as the batch has events."
  def of(["batch", no, t0, n, [strings, pids, corrs, sites], [type, ts, pid, peer, site, corr], payloads]) do
    name = fn list, code -> if code == 0, do: nil, else: Enum.at(list, code - 1) end

    sites =
      for <<m::32-little, f::32-little, a::32-little, cm::32-little, cf::32-little, ca::32-little, file::32-little, line::32-little, 0::32, 0::32 <- sites>>,
        do: {m, f, a, cm, cf, ca, file, line}

    strings = List.to_tuple(strings)
    string = fn code -> if code == 0, do: nil, else: elem(strings, code - 1) end

    payloads =
      case payloads do
        nil ->
          %{}

        [rows, bytes] ->
          rows = for <<row::16-little <- rows>>, do: row
          true = rows == Enum.sort(rows)
          Map.new(Enum.zip(rows, bytes), fn {row, bytes} -> {row, elem({:ok, _} = Msgpack.unpack(bytes), 1)} end)
      end

    types = for <<code <- type>>, do: Types.name(code)
    times = for <<t::float-little-64 <- ts>>, do: t0 + trunc(t)
    u16 = fn column -> for <<code::16-little <- column>>, do: code end
    columns = [types, times, u16.(pid), u16.(peer), u16.(site), u16.(corr)]
    true = Enum.all?(columns, &(length(&1) == n))

    for {{type, time, pid, peer, site, corr}, row} <- Enum.with_index(Enum.zip(columns)) do
      {mfa, caller} =
        case name.(sites, site) do
          nil -> {nil, nil}
          {m, f, a, 0, _, _, _, _} -> {{string.(m), string.(f), a}, nil}
          {m, f, a, cm, cf, ca, file, line} -> {{string.(m), string.(f), a}, {string.(cm), string.(cf), ca, string.(file), line}}
        end

      %{
        no: no,
        type: type,
        time: time,
        pid: name.(pids, pid),
        peer: name.(pids, peer),
        mfa: mfa,
        caller: caller,
        corr: name.(corrs, corr),
        payload: payloads[row]
      }
    end
  end

  @doc "Events as they come until one is `last?`; fails after `timeout` without a frame."
  def until(last?, events \\ [], timeout \\ 20_000) do
    receive do
      {:daemon, ["batch" | _] = frame} ->
        more = of(frame)
        if Enum.any?(more, last?), do: events ++ more, else: until(last?, events ++ more, timeout)
    after
      timeout -> raise "the event did not come; there were #{inspect(Enum.frequencies_by(events, & &1.type))}, #{inspect(Enum.take(events, -5))}"
    end
  end

  @doc "These events and those of all frames that have come."
  def received(events \\ []) do
    receive do
      {:daemon, ["batch" | _] = frame} -> received(events ++ of(frame))
    after
      0 -> events
    end
  end

  def plan(points, more \\ %{}), do: Map.merge(%{"id" => "p", "points" => points, "processes" => "all"}, more)
  def point(module, more \\ %{}), do: Map.merge(%{"id" => "1", "module" => module}, more)
end
