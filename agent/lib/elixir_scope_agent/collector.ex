defmodule ElixirScopeAgent.Collector do
  @moduledoc """
  The tracer: it takes trace messages and does nothing but add them to the open batch. A batch is sealed by count, by bytes
  of payload, or 20 ms after its first event, and handed to the sender, which owns the socket; so a blocked socket never blocks
  this process. What a message comes to: TraceMessages; what a batch is made of: Batch.

  Invariants: a batch has a number if, and only if, it was handed over. Where the sender's buffer is full the batch is dropped
  before it has one, and what was in it is told, by type and time, as a `gap` before the next batch that goes out: where calls and
  their ends are missing, no later return is to find a call from before. No more events are in the batches of
  any second than the plan's rate, the agent's own aside: what is beyond is told in the same way.

  Absent on purpose: which functions are traced, whether the node can bear it (both the session's), the socket.
  """

  require ElixirScopeAgent.Types
  alias ElixirScopeAgent.{Batch, FreshCode, Gap, Rate, Term, TraceMessages, Types}

  @compile {:inline, row: 17, site: 2, pid: 2}
  @max_events 16_384
  @max_payload_bytes 4_194_304
  @flush_ms 20
  # How often it is looked whether there is room for a gap.
  @tell_ms 100
  # How often the session is told that there are more events than the rate allows.
  @over_again_ns 100_000_000
  @full "the agent's buffer was full"
  @too_many "more events at once than the rate allows"
  # Some room beyond the budget, so that a gap is told also while the buffer stays full of what came before.
  @gap_room 65_536

  @type options :: %{
          session: pid,
          sender: pid,
          buffered: :atomics.atomics_ref(),
          budget: pos_integer
        }

  @spec start_link(options) :: pid
  def start_link(options) do
    :erlang.spawn_opt(__MODULE__, :init, [options], [:link, {:message_queue_data, :off_heap}, {:fullsweep_after, 20}])
  end

  @doc """
  How to read what comes: `limits` of payloads, `results` and `exceptions` (maps of the functions whose result or exception goes
  into the payload), `messages` (whether messages themselves do), `samples` (map of function to share), `plan` and `early`: what is
  traced of code that was loaded just now; `modules`: a map of those that have patterns of their own; `rate`: events in a second, or nil.
  """
  def configure(collector, config), do: send(collector, {:agent, :configure, config})

  @doc "The module that was told to the session as `{:early, …}` has its own patterns now, or none."
  def settled(collector, mod), do: send(collector, {:agent, :settled, mod})

  @doc "An event of the agent's own, now. `fields` are the payload's."
  def event(collector, type, fields, pid \\ nil), do: send(collector, {:agent, :event, Types.of(type), Term.own(fields), pid})

  @doc "A gap, from a time in ms of monotonic time until now."
  def gap(collector, reason, from_ms, dropped, unknown), do: event(collector, :gap, Gap.fields(reason, from_ms * 1_000_000, now(), dropped, unknown))

  @doc "The same where calls and how they end are not concerned: `unknown` are the types that are left out, if any."
  def degraded(collector, reason, from_ms, unknown), do: event(collector, :degraded, Gap.fields(reason, from_ms * 1_000_000, now(), %{}, unknown))

  @doc "Seals what is there; the caller gets `{:flushed, ref, number of the last batch}`."
  def flush(collector, ref), do: send(collector, {:agent, :flush, self(), ref})

  @doc false
  def init(options) do
    empty(%{
      session: options.session,
      sender: options.sender,
      buffered: options.buffered,
      budget: options.budget,
      counters: :counters.new(@max_events + 1, []),
      no: 1,
      config: %{limits: Term.limits(4, 1024, []), results: %{}, exceptions: %{}, messages: false, samples: %{}, plan: nil, early: nil, modules: %{}, rate: nil},
      rate: Rate.new(nil),
      room: 0,
      over_at: nil,
      # Correlation, Sampling, FreshCode
      corr_of: %{},
      sampled: %{},
      fresh: %{},
      strays: %{},
      told: %{},
      # what was dropped and not told yet: reason => {from, to, counts}
      gaps: %{}
    })
  end

  defp empty(state), do: loop(0, 0, <<>>, <<>>, <<>>, <<>>, nil, 0, nil, 0, nil, 0, 0, Batch.empty(state))

  # Nothing has to be decided for a call or return of the process seen last, and the batch does not end with it.
  defguardp is_plain(pid, pid0, n, room, state)
            when pid === pid0 and n > 0 and n < room and
                   map_size(:erlang.map_get(:samples, :erlang.map_get(:config, state))) == 0 and map_size(:erlang.map_get(:corr_of, state)) == 0

  defguardp is_plain_return(mfa, ret0, state)
            when map_size(:erlang.map_get(:results, :erlang.map_get(:config, state))) == 0 and
                   (mfa === ret0 or not is_map_key(:erlang.map_get(:strays, state), :erlang.element(1, mfa)))

  # n events, and with how many it is full but for one; columns type, ts, pid, site; the process seen last and its code; the sites of the last call and the last return
  # and their codes: most events repeat one of them; the time the batch counts from.
  defp loop(n, room, types, ts, pids, sites, pid0, code0, call0, site0, ret0, rsite0, base, state) do
    receive do
      {:trace_ts, pid, :call, mfa, {caller, []}, at} when is_plain(pid, pid0, n, room, state) ->
        key = {mfa, caller}

        if key == call0 do
          row(Types.code(:call), at, site0, n, room, types, ts, pids, sites, pid0, code0, call0, site0, ret0, rsite0, base, state)
        else
          {site, state} = site(key, state)
          row(Types.code(:call), at, site, n, room, types, ts, pids, sites, pid0, code0, key, site, ret0, rsite0, base, state)
        end

      {:trace_ts, pid, :return_from, mfa, _result, at} when is_plain(pid, pid0, n, room, state) and is_plain_return(mfa, ret0, state) ->
        if mfa == ret0 do
          row(Types.code(:return), at, rsite0, n, room, types, ts, pids, sites, pid0, code0, call0, site0, ret0, rsite0, base, state)
        else
          {site, state} = site({mfa, :undefined}, state)
          row(Types.code(:return), at, site, n, room, types, ts, pids, sites, pid0, code0, call0, site0, mfa, site, base, state)
        end

      message ->
        case take(message, n, state) do
          {:event, type, at, pid, peer, site_key, corr, fields, state} ->
            state = if n == 0, do: opened(at, state), else: state
            base = if n == 0, do: at, else: base
            room = if n == 0, do: state.room, else: room
            {code, state} = pid(pid, state)
            {site, state} = site(site_key, state)
            state = Batch.beside(n, peer, corr, fields, state)

            if n < room and state.payload_bytes < @max_payload_bytes,
              do: row(type, at, site, n, room, types, ts, pids, sites, pid, code, call0, site0, ret0, rsite0, base, state),
              else: last(type, at, site, n, types, ts, pids, sites, code, base, state)

          {:ignore, state} ->
            loop(n, room, types, ts, pids, sites, pid0, code0, call0, site0, ret0, rsite0, base, state)

          {:flush, no} when no != state.no or n == 0 ->
            loop(n, room, types, ts, pids, sites, pid0, code0, call0, site0, ret0, rsite0, base, state)

          next ->
            empty(sealed(next, if(n > 0, do: seal(n, types, ts, pids, sites, base, state), else: state)))
        end
    end
  end

  # Most are known: no other module is asked.
  defp pid(pid, state) do
    case state.pid_codes do
      %{^pid => code} -> {code, state}
      _ -> Batch.pid(pid, state)
    end
  end

  defp site(key, state) do
    case state.site_codes do
      %{^key => site} -> {site, state}
      _ -> Batch.site(key, state)
    end
  end

  # One event more in the columns.
  defp row(type, at, site, n, room, types, ts, pids, sites, pid, code, call0, site0, ret0, rsite0, base, state) do
    types = <<types::binary, type>>
    ts = <<ts::binary, at - base::float-little-64>>
    pids = <<pids::binary, code::16-little>>
    sites = <<sites::binary, site::16-little>>
    loop(n + 1, room, types, ts, pids, sites, pid, code, call0, site0, ret0, rsite0, base, state)
  end

  # The one that fills the batch.
  defp last(type, at, site, n, types, ts, pids, sites, code, base, state) do
    types = <<types::binary, type>>
    ts = <<ts::binary, at - base::float-little-64>>
    pids = <<pids::binary, code::16-little>>
    sites = <<sites::binary, site::16-little>>
    empty(seal(n + 1, types, ts, pids, sites, base, state))
  end

  # A batch opens with this event: how much more it may hold, and its timer.
  defp opened(at, state) do
    :erlang.send_after(@flush_ms, self(), {:agent, :time, state.no})
    {room, rate} = Rate.room(at, @max_events, state.rate)
    %{state | room: room - 1, rate: rate}
  end

  # What a message comes to: an event in plain form, or something to do once the batch is sealed.
  defp take({:agent, :event, type, fields, pid}, _n, state), do: {:event, type, now(), pid, nil, nil, nil, fields, state}
  defp take({:agent, :time, no}, _n, _state), do: {:flush, no}
  defp take({:agent, :settled, mod}, _n, state), do: {:ignore, FreshCode.settled(mod, state)}
  defp take({:agent, :configure, config}, _n, state), do: {:ignore, configured(config, state)}
  defp take({:agent, :tell}, _n, _state), do: :tell
  defp take({:agent, :flush, to, ref}, _n, _state), do: {:answer, to, ref}
  defp take(message, 0, state), do: within_rate(TraceMessages.read(message, state))
  defp take(message, _n, state), do: TraceMessages.read(message, state)

  # No batch opens while as many events as the rate allows have been taken.
  defp within_rate({:event, type, at, _pid, _peer, _site, _corr, _fields, state} = event) do
    case Rate.room(at, 1, state.rate) do
      {1, _rate} -> event
      {0, _rate} -> {:ignore, over(type, at, state)}
    end
  end

  defp within_rate(ignore), do: ignore

  # The session sees to it that no more are told for a while.
  defp over(type, at, state) do
    again = state.over_at == nil or at - state.over_at >= @over_again_ns
    if again, do: send(state.session, :over)
    missing(@too_many, at, at, <<type>>, if(again, do: %{state | over_at: at}, else: state))
  end

  defp configured(config, state), do: FreshCode.configured(config, %{state | sampled: %{}, rate: Rate.resized(config.rate, state.rate)})

  defp sealed({:flush, _no}, state), do: state
  defp sealed(:tell, state), do: told(state)

  defp sealed({:answer, to, ref}, state) do
    state = told(state)
    send(to, {:flushed, ref, state.no - 1})
    state
  end

  defp seal(n, types, ts, pids, sites, base, state) do
    by_function = Batch.by_function(sites, state.counters, state)
    state = %{state | rate: Rate.take(n, last_at(ts, base), state.rate)}
    {bytes, state} = kept(n, types, ts, pids, sites, base, state)
    send(state.session, {:sealed, n, bytes, by_function})
    state
  end

  defp last_at(ts, base) do
    <<last::float-little-64>> = :binary.part(ts, byte_size(ts), -8)
    base + trunc(last)
  end

  # The bytes that the batch has become; 0 where it was dropped.
  defp kept(n, types, ts, pids, sites, base, state) do
    if :atomics.get(state.buffered, 1) >= state.budget do
      {0, missing(@full, base, now(), types, state)}
    else
      after_gaps = told(state)
      frame = Batch.frame(after_gaps.no, n, types, ts, pids, sites, base, state)
      {byte_size(frame), handed_over(frame, after_gaps)}
    end
  end

  defp handed_over(frame, state) do
    :atomics.add(state.buffered, 1, byte_size(frame))
    send(state.sender, {:batch, state.no, frame})
    %{state | no: state.no + 1}
  end

  # Events that are gone, by their column of types.
  defp missing(reason, from, to, types, state) do
    case state.gaps do
      %{^reason => {first, last, counts}} ->
        # Times of several processes do not rise.
        %{state | gaps: :maps.put(reason, {min(first, from), max(last, to), Gap.with_types(counts, types)}, state.gaps)}

      _ ->
        :erlang.send_after(@tell_ms, self(), {:agent, :tell})
        %{state | gaps: :maps.put(reason, {from, to, Gap.with_types(%{}, types)}, state.gaps)}
    end
  end

  # What could not be kept is told in a batch of its own as soon as there is room.
  defp told(%{gaps: none} = state) when map_size(none) == 0, do: state

  defp told(state) do
    if :atomics.get(state.buffered, 1) >= state.budget + @gap_room do
      :erlang.send_after(@tell_ms, self(), {:agent, :tell})
      state
    else
      %{:maps.fold(&tell/3, state, state.gaps) | gaps: %{}}
    end
  end

  defp tell(reason, {from, to, counts}, state), do: handed_over(Batch.gap(state.no, Gap.fields(reason, from, to, counts), to), state)

  defp now, do: :erlang.monotonic_time(:nanosecond)
end
