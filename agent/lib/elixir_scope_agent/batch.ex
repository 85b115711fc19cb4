defmodule ElixirScopeAgent.Batch do
  @moduledoc """
  The open batch beside its four full columns, which the collector's loop carries: names and their codes, the columns that few events
  fill, payloads; and how all of it becomes a frame (docs/AGENT.md, Batches). Its fields are part of the collector's state.

  Invariant: codes are of this batch alone and count from 1; a name is written once, when the batch is sealed.
  """

  import ElixirScopeAgent.Lists

  require ElixirScopeAgent.Types
  alias ElixirScopeAgent.{Msgpack, Names, Term, Types}

  @fields %{
    pid_codes: %{},
    pid_list: [],
    site_codes: %{},
    site_list: [],
    corr_codes: %{},
    corr_list: [],
    peers: <<>>,
    corrs: <<>>,
    rows: [],
    payloads: [],
    payload_bytes: 0
  }

  @doc "Nothing in it."
  def empty(state), do: :maps.merge(state, @fields)

  @doc "The code of a process; 0 of none."
  def pid(nil, state), do: {0, state}

  def pid(pid, state) do
    case state.pid_codes do
      %{^pid => code} ->
        {code, state}

      codes ->
        code = map_size(codes) + 1
        {code, %{state | pid_codes: :maps.put(pid, code, codes), pid_list: [pid | state.pid_list]}}
    end
  end

  @doc "The code of a site, `{mfa, caller}`; 0 of none."
  def site(nil, state), do: {0, state}

  def site(key, state) do
    case state.site_codes do
      %{^key => code} ->
        {code, state}

      codes ->
        code = map_size(codes) + 1
        {code, %{state | site_codes: :maps.put(key, code, codes), site_list: [key | state.site_list]}}
    end
  end

  @doc "What event `n` has beside. Few events have a peer or a correlation id: their columns are filled up to the row when one comes."
  def beside(n, peer, corr, fields, state) do
    state = if peer == nil, do: state, else: peer(n, peer, state)
    state = if corr == nil, do: state, else: corr(n, corr, state)
    if fields == [], do: state, else: payload(n, fields, state)
  end

  @doc "The payload of event `n`: fields of terms, or what is packed already."
  def payload(n, fields, state) when is_list(fields), do: payload(n, :erlang.iolist_to_binary(Term.payload(fields, state.config.limits)), state)

  def payload(n, bytes, state) do
    %{state | rows: [n | state.rows], payloads: [bytes | state.payloads], payload_bytes: state.payload_bytes + byte_size(bytes)}
  end

  defp peer(n, peer, state) do
    {code, state} = pid(peer, state)
    %{state | peers: filled(state.peers, n, code)}
  end

  defp corr(n, corr, state) do
    {code, state} =
      case state.corr_codes do
        %{^corr => code} ->
          {code, state}

        codes ->
          code = map_size(codes) + 1
          {code, %{state | corr_codes: :maps.put(corr, code, codes), corr_list: [corr | state.corr_list]}}
      end

    %{state | corrs: filled(state.corrs, n, code)}
  end

  # One step: it is appended to in place.
  defp filled(column, n, code), do: <<column::binary, 0::size(n * 2 - byte_size(column))-unit(8), code::16-little>>
  defp padded(column, n), do: <<column::binary, 0::size(n * 2 - byte_size(column))-unit(8)>>

  @doc "Events of each function, for the rates. `counters`: as many as there may be codes, all 0, and 0 again afterwards."
  def by_function(sites, counters, state) do
    count(sites, counters)

    {_code, counts} =
      :lists.foldl(
        fn {mfa, _caller}, {code, acc} ->
          n = :counters.get(counters, code)
          :counters.put(counters, code, 0)
          {code - 1, :maps.put(mfa, :maps.get(mfa, acc, 0) + n, acc)}
        end,
        {length(state.site_list), %{}},
        state.site_list
      )

    counts
  end

  defp count(<<>>, _counters), do: :ok
  defp count(<<0::16, rest::binary>>, counters), do: count(rest, counters)

  defp count(<<code::16-little, rest::binary>>, counters) do
    :counters.add(counters, code, 1)
    count(rest, counters)
  end

  @doc "The frame of the batch number `no` that has nothing but a gap: its payload's fields (Gap), at `at` (ns of monotonic time)."
  def gap(no, fields, at), do: frame(no, 1, <<Types.code(:gap)>>, <<0::float-little-64>>, <<0::16>>, <<0::16>>, at, payload(0, Term.own(fields), empty(%{})))

  @doc "The frame of the batch number `no`, of `n` events that count from `base` (ns of monotonic time)."
  def frame(no, n, types, ts, pids, sites, base, state) do
    {site_words, strings} = sites(:lists.reverse(state.site_list), <<>>, %{}, [])
    pid_names = list_of pid <- :lists.reverse(state.pid_list), do: Msgpack.text(Names.process(pid))
    corr_names = list_of corr <- :lists.reverse(state.corr_list), do: Msgpack.text(corr)

    :erlang.iolist_to_binary([
      Msgpack.array(7),
      Msgpack.text("batch"),
      Msgpack.integer(no),
      Msgpack.integer(base + :erlang.time_offset(:nanosecond)),
      Msgpack.integer(n),
      Msgpack.array(4),
      names(strings),
      names(pid_names),
      names(corr_names),
      Msgpack.bin(site_words),
      Msgpack.array(6),
      Msgpack.bin(types),
      Msgpack.bin(ts),
      Msgpack.bin(pids),
      Msgpack.bin(padded(state.peers, n)),
      Msgpack.bin(sites),
      Msgpack.bin(padded(state.corrs, n)),
      payloads(state)
    ])
  end

  defp names(packed), do: [Msgpack.array(length(packed)) | packed]

  defp payloads(%{rows: []}), do: <<0xC0>>

  defp payloads(state) do
    rows = list_of(row <- :lists.reverse(state.rows), do: <<row::16-little>>)
    [Msgpack.array(2), Msgpack.bin(rows), Msgpack.array(length(state.payloads)) | :lists.map(&Msgpack.bin/1, :lists.reverse(state.payloads))]
  end

  # Ten words for each site; strings packed, in the order of their codes.
  defp sites([], words, _codes, strings), do: {words, :lists.reverse(strings)}

  defp sites([{{mod, fun, arity}, caller} | rest], words, codes, strings) do
    {m, codes, strings} = string({:m, mod}, codes, strings)
    {f, codes, strings} = string({:f, fun}, codes, strings)
    {cm, cf, ca, file, line, codes, strings} = caller(caller, codes, strings)
    word = <<m::32-little, f::32-little, arity::32-little, cm::32-little, cf::32-little, ca::32-little, file::32-little, line::32-little, 0::32, 0::32>>
    sites(rest, <<words::binary, word::binary>>, codes, strings)
  end

  defp caller({mod, fun, arity, {path, line}}, codes, strings) do
    {m, f, _, _, _, codes, strings} = caller({mod, fun, arity}, codes, strings)
    {file, codes, strings} = string({:p, path}, codes, strings)
    {m, f, arity, file, line, codes, strings}
  end

  defp caller({mod, fun, arity, _unknown}, codes, strings), do: caller({mod, fun, arity}, codes, strings)

  defp caller({mod, fun, arity}, codes, strings) do
    {m, codes, strings} = string({:m, mod}, codes, strings)
    {f, codes, strings} = string({:f, fun}, codes, strings)
    {m, f, arity, 0, 0, codes, strings}
  end

  defp caller(_unknown, codes, strings), do: {0, 0, 0, 0, 0, codes, strings}

  defp string(key, codes, strings) do
    case codes do
      %{^key => code} ->
        {code, codes, strings}

      _ ->
        code = map_size(codes) + 1
        {code, :maps.put(key, code, codes), [Msgpack.text(written(key)) | strings]}
    end
  end

  defp written({:m, mod}), do: Names.module(mod)
  defp written({:f, fun}), do: :erlang.atom_to_binary(fun)

  defp written({:p, path}) do
    case :unicode.characters_to_binary(path) do
      text when is_binary(text) -> text
      _ -> "?"
    end
  end
end
