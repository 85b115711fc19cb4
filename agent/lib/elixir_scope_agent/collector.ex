defmodule ElixirScopeAgent.Collector do
  @moduledoc """
  The tracer: it takes trace messages and does nothing but add them to the open batch. A batch is sealed by count, by bytes
  of payload, or 20 ms after its first event, and handed to the sender, which owns the socket; so a blocked socket never blocks
  this process.

  Invariant: a batch has a number if, and only if, it was handed over. Where the sender's buffer is full the batch is dropped
  before it has one, and what was in it is told, by type and time, as a `gap` in the next batch that goes out.

  Names are codes of this batch alone; what they are written as is worked out when it is sealed, once for each name.
  Absent on purpose: which functions are traced, whether the node can bear it (both the session's), the socket.
  """

  import ElixirScopeAgent.Lists

  require ElixirScopeAgent.Types
  alias ElixirScopeAgent.{Msgpack, Names, Term, Types}

  @max_events 16_384
  @max_payload_bytes 4_194_304
  @flush_ms 20
  # How often it is looked whether there is room for a gap.
  @tell_ms 100
  @site_words 10
  # Processes whose correlation id or sampling is kept: beyond it the oldest knowledge goes as a whole.
  @max_kept 50_000

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
  traced of code that was loaded just now; `modules`: a map of those that have patterns of their own.
  """
  def configure(collector, config), do: send(collector, {:agent, :configure, config})

  @doc "The module that was told to the session as `{:early, …}` has its own patterns now, or none."
  def settled(collector, mod), do: send(collector, {:agent, :settled, mod})

  @doc "An event of the agent's own, now. `fields` are the payload's."
  def event(collector, type, fields, pid \\ nil), do: send(collector, {:agent, :event, Types.of(type), Term.own(fields), pid})

  @doc "Seals what is there; the caller gets `{:flushed, ref, number of the last batch}`."
  def flush(collector, ref), do: send(collector, {:agent, :flush, self(), ref})

  @doc "From now on events are only counted, until `configure`: the queue is worked off as fast as can be. Told as a gap."
  def discard(collector, reason), do: send(collector, {:agent, :discard, reason})

  @doc false
  def init(options) do
    state = %{
      session: options.session,
      sender: options.sender,
      buffered: options.buffered,
      budget: options.budget,
      counters: :counters.new(@max_events + 1, []),
      no: 1,
      config: %{limits: Term.limits(4, 1024, []), results: %{}, exceptions: %{}, messages: false, samples: %{}, plan: nil, early: nil, modules: %{}},
      # correlation id of processes (tests), decisions of sampling, both bounded
      corr_of: %{},
      sampled: %{},
      # modules that were loaded while the plan is in force and called before they had their own patterns: what becomes of that;
      # those that are not of the plan; those the session was told of
      fresh: %{},
      strays: %{},
      told: %{},
      # what was dropped and not told yet: {from, to, counts}
      gap: nil,
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

    empty(state)
  end

  defp empty(state) do
    state = %{
      state
      | pid_codes: %{},
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

    loop(0, <<>>, <<>>, <<>>, <<>>, nil, 0, nil, 0, nil, 0, 0, state)
  end

  # n events; columns type, ts, pid, site; the process seen last and its code; the sites of the last call and the last return
  # and their codes: most events repeat one of them; the time the batch counts from.
  defp loop(n, types, ts, pids, sites, pid0, code0, call0, site0, ret0, rsite0, base, state) do
    receive do
      {:trace_ts, pid, :call, mfa, {caller, []}, at}
      when pid === pid0 and n > 0 and n < @max_events - 1 and map_size(:erlang.map_get(:samples, :erlang.map_get(:config, state))) == 0 and
             map_size(:erlang.map_get(:corr_of, state)) == 0 ->
        key = {mfa, caller}

        if key == call0 do
          loop(
            n + 1,
            <<types::binary, 1>>,
            <<ts::binary, at - base::float-little-64>>,
            <<pids::binary, code0::16-little>>,
            <<sites::binary, site0::16-little>>,
            pid0,
            code0,
            call0,
            site0,
            ret0,
            rsite0,
            base,
            state
          )
        else
          case state.site_codes do
            %{^key => site} ->
              loop(
                n + 1,
                <<types::binary, 1>>,
                <<ts::binary, at - base::float-little-64>>,
                <<pids::binary, code0::16-little>>,
                <<sites::binary, site::16-little>>,
                pid0,
                code0,
                key,
                site,
                ret0,
                rsite0,
                base,
                state
              )

            _ ->
              {site, state} = site(key, state)

              loop(
                n + 1,
                <<types::binary, 1>>,
                <<ts::binary, at - base::float-little-64>>,
                <<pids::binary, code0::16-little>>,
                <<sites::binary, site::16-little>>,
                pid0,
                code0,
                key,
                site,
                ret0,
                rsite0,
                base,
                state
              )
          end
        end

      {:trace_ts, pid, :return_from, mfa, result, at}
      when pid === pid0 and n > 0 and n < @max_events - 1 and (mfa === ret0 or not is_map_key(:erlang.map_get(:strays, state), :erlang.element(1, mfa))) and
             map_size(:erlang.map_get(:samples, :erlang.map_get(:config, state))) == 0 and map_size(:erlang.map_get(:corr_of, state)) == 0 ->
        {site, state} = if mfa == ret0, do: {rsite0, state}, else: site({mfa, :undefined}, state)

        state =
          case state.config.results do
            empty when map_size(empty) == 0 -> state
            wanted -> if wanted?(mfa, wanted), do: payload(n, [{"result", result}], state), else: state
          end

        loop(
          n + 1,
          <<types::binary, 2>>,
          <<ts::binary, at - base::float-little-64>>,
          <<pids::binary, code0::16-little>>,
          <<sites::binary, site::16-little>>,
          pid0,
          code0,
          call0,
          site0,
          mfa,
          site,
          base,
          state
        )

      message ->
        case take(message, state) do
          {:event, type, at, pid, peer, site_key, corr, fields, state} ->
            base = if n == 0, do: opened(at, state), else: base
            {pid_code, state} = pid(pid, state)
            {site, state} = site(site_key, state)
            state = if peer == nil, do: state, else: peer(n, peer, state)
            state = if corr == nil, do: state, else: corr(n, corr, state)
            state = if fields == [], do: state, else: payload(n, fields, state)
            types = <<types::binary, type>>
            ts = <<ts::binary, at - base::float-little-64>>
            pids = <<pids::binary, pid_code::16-little>>
            sites = <<sites::binary, site::16-little>>

            if n + 1 >= @max_events or state.payload_bytes >= @max_payload_bytes do
              empty(seal(n + 1, types, ts, pids, sites, base, state))
            else
              loop(n + 1, types, ts, pids, sites, pid, pid_code, call0, site0, ret0, rsite0, base, state)
            end

          {:ignore, state} ->
            loop(n, types, ts, pids, sites, pid0, code0, call0, site0, ret0, rsite0, base, state)

          {:flush, no} when no != state.no or n == 0 ->
            loop(n, types, ts, pids, sites, pid0, code0, call0, site0, ret0, rsite0, base, state)

          {:flush, _no} ->
            empty(seal(n, types, ts, pids, sites, base, state))

          :tell ->
            state = if n > 0, do: seal(n, types, ts, pids, sites, base, state), else: state
            empty(told(state))

          {:answer, to, ref} ->
            state = if n > 0, do: seal(n, types, ts, pids, sites, base, state), else: state
            state = told(state)
            send(to, {:flushed, ref, state.no - 1})
            empty(state)

          {:discard, reason} ->
            state = if n > 0, do: seal(n, types, ts, pids, sites, base, state), else: state
            empty(discarding(reason, %{}, now(), state))
        end
    end
  end

  # The timer of the batch that opens with this event.
  defp opened(at, state) do
    :erlang.send_after(@flush_ms, self(), {:agent, :time, state.no})
    at
  end

  # What a message comes to: an event in plain form, or something to do.
  defp take({:trace_ts, pid, :call, mfa, {:test, args}, at}, state), do: test_start(pid, mfa, args, at, state)

  defp take({:trace_ts, pid, :call, mfa, {:early, caller, token}, at}, state), do: early(pid, mfa, caller, token, [], at, state)
  defp take({:trace_ts, pid, :call, mfa, {:early, caller, token, args}, at}, state), do: early(pid, mfa, caller, token, [{"args", args}], at, state)

  defp take({:trace_ts, pid, :call, mfa, {caller, token}, at}, state) do
    if sampled?(pid, mfa, state), do: call(pid, mfa, caller, token, [], at, sample(pid, mfa, true, state)), else: {:ignore, sample(pid, mfa, false, state)}
  end

  defp take({:trace_ts, pid, :call, mfa, {caller, token, args}, at}, state) do
    if sampled?(pid, mfa, state),
      do: call(pid, mfa, caller, token, [{"args", args}], at, sample(pid, mfa, true, state)),
      else: {:ignore, sample(pid, mfa, false, state)}
  end

  defp take({:trace_ts, pid, :call, mfa, at}, state), do: event(:call, at, pid, nil, {mfa, :undefined}, [], state)

  defp take({:trace_ts, pid, :return_from, mfa, result, at}, state) do
    case state.corr_of do
      %{{:test, ^pid} => ^mfa} ->
        test_end(pid, result, at, state)

      _ ->
        if stray?(mfa, state),
          do: {:ignore, state},
          else: left(pid, mfa, fn -> if(wanted?(mfa, state.config.results), do: [{"result", result}], else: []) end, :return, at, state)
    end
  end

  defp take({:trace_ts, pid, :exception_from, mfa, {class, value}, at}, state) do
    if stray?(mfa, state) do
      {:ignore, state}
    else
      left(
        pid,
        mfa,
        fn -> if(wanted?(mfa, state.config.exceptions), do: [{"class", class}, {"value", value}], else: [{"class", class}]) end,
        :exception,
        at,
        state
      )
    end
  end

  defp take({:trace_ts, pid, :send, message, to, at}, state), do: event(:send, at, pid, to, nil, message(message, state), state)
  defp take({:trace_ts, pid, :send_to_non_existing_process, message, to, at}, state), do: event(:send, at, pid, to, nil, message(message, state), state)
  defp take({:trace_ts, pid, :receive, message, {_node, from}, at}, state), do: event(:receive, at, pid, sender(from), nil, message(message, state), state)
  defp take({:trace_ts, pid, :receive, message, at}, state), do: event(:receive, at, pid, nil, nil, message(message, state), state)

  defp take({:trace_ts, pid, :spawn, child, mfa, at}, state) do
    state =
      case state.corr_of do
        %{^pid => corr} -> correlated(child, corr, state)
        _ -> state
      end

    event(:spawn, at, pid, child, initial(mfa), [], state)
  end

  defp take({:trace_ts, pid, :spawned, parent, mfa, at}, state) do
    state =
      case state.corr_of do
        %{^parent => corr} -> correlated(pid, corr, state)
        _ -> state
      end

    event(:spawned, at, pid, parent, initial(mfa), [], state)
  end

  defp take({:trace_ts, pid, :exit, reason, at}, state) do
    taken = event(:exit, at, pid, nil, nil, [{"reason", reason}], state)

    if map_size(state.corr_of) == 0 and map_size(state.sampled) == 0 do
      taken
    else
      # One word of its last event is its correlation id: it is forgotten afterwards.
      :erlang.setelement(9, taken, %{state | corr_of: :maps.remove(pid, state.corr_of), sampled: :maps.remove(pid, state.sampled)})
    end
  end

  defp take({:trace_ts, pid, type, other, at}, state) when type in [:link, :unlink, :getting_linked, :getting_unlinked],
    do: event(type, at, pid, other, nil, [], state)

  defp take({:trace_ts, pid, type, name, at}, state) when type in [:register, :unregister], do: event(type, at, pid, nil, nil, [{"name", name}], state)
  defp take({:trace_ts, pid, type, mfa, at}, state) when type in [:in, :in_exiting], do: event(:scheduled_in, at, pid, nil, place(mfa), [], state)

  defp take({:trace_ts, pid, type, mfa, at}, state) when type in [:out, :out_exiting, :out_exited],
    do: event(:scheduled_out, at, pid, nil, place(mfa), [], state)

  defp take({:trace_ts, pid, type, _info, at}, state) when type in [:gc_minor_start, :gc_major_start], do: event(:gc_start, at, pid, nil, nil, [], state)
  defp take({:trace_ts, pid, type, _info, at}, state) when type in [:gc_minor_end, :gc_major_end], do: event(:gc_end, at, pid, nil, nil, [], state)
  defp take({:agent, :event, type, fields, pid}, state), do: {:event, type, now(), pid, nil, nil, nil, fields, state}
  defp take({:agent, :time, no}, _state), do: {:flush, no}
  defp take({:agent, :tell}, _state), do: :tell
  defp take({:agent, :flush, to, ref}, _state), do: {:answer, to, ref}
  defp take({:agent, :discard, reason}, _state), do: {:discard, reason}
  defp take({:agent, :settled, mod}, state), do: {:ignore, %{state | told: :maps.remove(mod, state.told)}}
  defp take({:agent, :configure, config}, state), do: {:ignore, configured(config, state)}
  defp take(_other, state), do: {:ignore, state}

  # A call of code that was loaded just now. The session is told of the module once until it has seen to it.
  defp early(pid, {mod, _, _} = mfa, caller, token, fields, at, state) do
    how = with(nil <- :maps.get(mod, state.fresh, nil), do: fresh(mod, state.config))
    strays = if how == :stray, do: :maps.put(mod, true, state.strays), else: state.strays
    state = %{state | fresh: :maps.put(mod, how, state.fresh), strays: strays}

    state =
      if is_map_key(state.told, mod) do
        state
      else
        send(state.session, {:early, mod, how, at})
        %{state | told: :maps.put(mod, true, state.told)}
      end

    if how == :kept, do: call(pid, mfa, caller, token, fields, at, state), else: {:ignore, state}
  end

  defp configured(config, state) do
    fresh = :maps.without(:maps.keys(config.modules), state.fresh)
    fresh = if config.plan == state.config.plan, do: fresh, else: :maps.map(fn mod, _ -> fresh(mod, config) end, fresh)
    %{state | config: config, sampled: %{}, fresh: fresh, strays: :maps.filter(fn _, how -> how == :stray end, fresh)}
  end

  defp fresh(_mod, %{plan: nil}), do: :stray

  defp fresh(mod, config) do
    case ElixirScopeAgent.Plan.targets_in(mod, config.plan) do
      [] -> :stray
      targets -> if(ElixirScopeAgent.Plan.as_early?(targets, config.early), do: :kept, else: :missed)
    end
  end

  # A return to a call that was traced only because its code was new.
  defp stray?({mod, _, _}, state), do: is_map_key(state.strays, mod)

  defp call(pid, mfa, caller, token, fields, at, state) do
    corr =
      case token do
        {_flags, label, _serial, _from, _prev} when is_pid(label) -> corr_of({:label, label}, state) || label(label)
        {_flags, label, _serial, _from, _prev} -> label(label)
        _ -> corr_of(pid, state)
      end

    {:event, Types.code(:call), at, pid, nil, {mfa, caller}, corr, fields, state}
  end

  defp left(pid, mfa, fields, type, at, state) do
    case state.config.samples do
      samples when map_size(samples) > 0 and is_map_key(samples, mfa) ->
        case pop(pid, mfa, state) do
          {true, state} -> event(type, at, pid, nil, {mfa, :undefined}, fields.(), state)
          {false, state} -> {:ignore, state}
        end

      _ ->
        event(type, at, pid, nil, {mfa, :undefined}, fields.(), state)
    end
  end

  defp event(type, at, pid, peer, site, fields, state), do: {:event, Types.of(type), at, pid, peer, site, corr_of(pid, state), fields, state}

  defp corr_of(pid, state) do
    case state.corr_of do
      %{^pid => corr} -> corr
      _ -> nil
    end
  end

  defp label(label) when is_integer(label), do: <<"seq:", :erlang.integer_to_binary(label)::binary>>
  defp label(label) when is_binary(label), do: Names.text(label, 256)
  defp label(label), do: <<"seq:", Names.printed(label, 5, 200)::binary>>

  defp message(message, %{config: %{messages: true}}), do: [{"message", message}]
  defp message(_message, _state), do: []

  defp sender(from) when is_pid(from) or is_port(from), do: from
  defp sender(_from), do: nil

  defp initial({mod, fun, args}) when is_list(args), do: {{mod, fun, safe_length(args)}, :undefined}
  defp initial({_mod, _fun, arity} = mfa) when is_integer(arity), do: {mfa, :undefined}
  defp initial(_other), do: nil

  defp safe_length(args) do
    length(args)
  catch
    :error, :badarg -> 0
  end

  defp place({_mod, _fun, arity} = mfa) when is_integer(arity), do: {mfa, :undefined}
  defp place(_other), do: nil

  # ExUnit runs each test by one call in the test's own process: its arguments name the test.
  defp test_start(pid, mfa, args, at, state) do
    case test_of(args) do
      {mod, name} ->
        corr = <<"test:", Names.module(mod)::binary, ".", Names.atom(name)::binary>>
        state = correlated({:test, pid}, mfa, correlated({:name, pid}, {mod, name}, correlated({:label, pid}, corr, correlated(pid, corr, state))))

        {:event, Types.code(:test_start), at, pid, nil, {{mod, name, 1}, :undefined}, corr,
         Term.own([{"test", %{"module" => Names.module(mod), "name" => Names.atom(name)}}]), state}

      nil ->
        {:ignore, state}
    end
  end

  defp test_end(pid, result, at, state) do
    {mod, name} = :maps.get({:name, pid}, state.corr_of, {:unknown, :unknown})
    corr = corr_of(pid, state)
    state = %{state | corr_of: :maps.without([pid, {:test, pid}, {:name, pid}], state.corr_of)}

    {:event, Types.code(:test_end), at, pid, nil, {{mod, name, 1}, :undefined}, corr,
     Term.own([{"test", %{"module" => Names.module(mod), "name" => Names.atom(name), "state" => test_state(result)}}]), state}
  end

  defp test_of([%{:__struct__ => ExUnit.Test, :name => name} = test | _]), do: {:maps.get(:module, test, :unknown), name}
  defp test_of([_ | rest]), do: test_of(rest)
  defp test_of(_), do: nil

  defp test_state(%{:state => nil}), do: "passed"
  defp test_state(%{:state => {state, _}}) when is_atom(state), do: :erlang.atom_to_binary(state)
  defp test_state(_), do: "unknown"

  defp correlated(key, value, %{corr_of: known} = state) when map_size(known) >= @max_kept, do: %{state | corr_of: %{key => value}}
  defp correlated(key, value, state), do: %{state | corr_of: :maps.put(key, value, state.corr_of)}

  # Sampling: a call is taken or not by chance, and its return goes with it.
  defp sampled?(_pid, mfa, state) do
    case state.config.samples do
      %{^mfa => share} -> :rand.uniform() < share
      _ -> true
    end
  end

  defp sample(pid, mfa, taken, state) do
    if is_map_key(state.config.samples, mfa) do
      kept = if map_size(state.sampled) >= @max_kept, do: %{}, else: state.sampled
      of_pid = :maps.get(pid, kept, %{})
      stack = :maps.get(mfa, of_pid, [])
      # Recursion deeper than this is a loop that never returns: its oldest decisions are forgotten.
      stack = if length(stack) >= 1000, do: [], else: stack
      %{state | sampled: :maps.put(pid, :maps.put(mfa, [taken | stack], of_pid), kept)}
    else
      state
    end
  end

  defp pop(pid, mfa, state) do
    case state.sampled do
      %{^pid => %{^mfa => [taken | stack]} = of_pid} -> {taken, %{state | sampled: :maps.put(pid, :maps.put(mfa, stack, of_pid), state.sampled)}}
      _ -> {true, state}
    end
  end

  @doc "Whether a function is among those named: by itself, its name, or its module."
  def wanted?({mod, fun, _arity} = mfa, wanted) do
    map_size(wanted) > 0 and (is_map_key(wanted, mfa) or is_map_key(wanted, {mod, fun, :_}) or is_map_key(wanted, {mod, :_, :_}))
  end

  # Codes.

  defp pid(nil, state), do: {0, state}

  defp pid(pid, state) do
    case state.pid_codes do
      %{^pid => code} ->
        {code, state}

      codes ->
        code = map_size(codes) + 1
        {code, %{state | pid_codes: :maps.put(pid, code, codes), pid_list: [pid | state.pid_list]}}
    end
  end

  defp site(nil, state), do: {0, state}

  defp site(key, state) do
    case state.site_codes do
      %{^key => code} ->
        {code, state}

      codes ->
        code = map_size(codes) + 1
        {code, %{state | site_codes: :maps.put(key, code, codes), site_list: [key | state.site_list]}}
    end
  end

  # Few events have a peer or a correlation id: their columns are filled up to the row when one comes.
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

  defp filled(column, n, code) do
    missing = n * 2 - byte_size(column)
    <<column::binary, 0::size(missing)-unit(8), code::16-little>>
  end

  defp payload(n, fields, state) when is_list(fields), do: payload(n, :erlang.iolist_to_binary(Term.payload(fields, state.config.limits)), state)

  defp payload(n, bytes, state) do
    %{state | rows: [n | state.rows], payloads: [bytes | state.payloads], payload_bytes: state.payload_bytes + byte_size(bytes)}
  end

  # Sealing.

  defp seal(n, types, ts, pids, sites, base, state) do
    {state, bytes} =
      if :atomics.get(state.buffered, 1) >= state.budget do
        {dropped(types, base, state), 0}
      else
        frame = frame(n, types, ts, pids, sites, base, state)
        size = byte_size(frame)
        :atomics.add(state.buffered, 1, size)
        send(state.sender, {:batch, state.no, frame})
        {%{state | no: state.no + 1}, size}
      end

    send(state.session, {:sealed, n, bytes, by_function(sites, state)})
    if bytes == 0, do: state, else: told(state)
  end

  # What could not be kept is told in a batch of its own as soon as there is room.
  defp told(%{gap: nil} = state), do: state

  defp told(%{gap: {from, to, counts}} = state) do
    # Some room beyond the budget, so that a gap is told also while the buffer stays full of what came before.
    if :atomics.get(state.buffered, 1) >= state.budget + 65_536 do
      :erlang.send_after(@tell_ms, self(), {:agent, :tell})
      state
    else
      offset = :erlang.time_offset(:nanosecond)
      fields = [{"gap", %{"reason" => "the agent's buffer was full", "from_ns" => from + offset, "to_ns" => to + offset, "dropped" => counts}}]
      bytes = Term.own(fields)
      state = %{state | peers: <<>>, corrs: <<>>, pid_list: [], site_list: [], corr_list: [], rows: [0], payloads: [bytes]}
      frame = frame(1, <<Types.code(:gap)>>, <<0::float-little-64>>, <<0::16>>, <<0::16>>, to, state)
      :atomics.add(state.buffered, 1, byte_size(frame))
      send(state.sender, {:batch, state.no, frame})
      %{state | no: state.no + 1, gap: nil}
    end
  end

  defp dropped(types, base, state) do
    counts = counted(types, %{})

    case state.gap do
      nil ->
        :erlang.send_after(@tell_ms, self(), {:agent, :tell})
        %{state | gap: {base, now(), counts}}

      {from, _to, before} ->
        %{state | gap: {from, now(), added(before, counts)}}
    end
  end

  defp counted(<<>>, counts), do: counts

  defp counted(<<type, rest::binary>>, counts) do
    name = Types.name(type)
    counted(rest, :maps.put(name, :maps.get(name, counts, 0) + 1, counts))
  end

  defp added(counts, more), do: :maps.fold(fn name, n, acc -> :maps.put(name, :maps.get(name, acc, 0) + n, acc) end, counts, more)

  # Events are counted and gone, until the session says how to go on.
  defp discarding(reason, counts, from, state) do
    receive do
      {:trace_ts, _pid, kind, _, _} -> discarding(reason, another(kind, counts), from, state)
      {:trace_ts, _pid, kind, _, _, _} -> discarding(reason, another(kind, counts), from, state)
      {:agent, :time, _no} -> discarding(reason, counts, from, state)
      {:agent, :discard, _} -> discarding(reason, counts, from, state)
      message -> resumed(message, reason, counts, from, state)
    end
  end

  # An event of the agent's own, a flush, a new configuration: first what was left out until now.
  defp resumed(message, reason, counts, from, state) do
    if map_size(counts) > 0 do
      offset = :erlang.time_offset(:nanosecond)
      event(self(), :gap, [{"gap", %{"reason" => reason, "from_ns" => from + offset, "to_ns" => now() + offset, "dropped" => counts}}])
    end

    send(self(), message)
    state
  end

  defp another(kind, counts) do
    name = kind_name(kind)
    :maps.put(name, :maps.get(name, counts, 0) + 1, counts)
  end

  defp kind_name(:return_from), do: "return"
  defp kind_name(:exception_from), do: "exception"
  defp kind_name(:send_to_non_existing_process), do: "send"
  defp kind_name(kind) when kind in [:in, :in_exiting], do: "scheduled_in"
  defp kind_name(kind) when kind in [:out, :out_exiting, :out_exited], do: "scheduled_out"
  defp kind_name(kind) when kind in [:gc_minor_start, :gc_major_start], do: "gc_start"
  defp kind_name(kind) when kind in [:gc_minor_end, :gc_major_end], do: "gc_end"
  defp kind_name(kind), do: :erlang.atom_to_binary(kind)

  # Events of each function in the batch, for the rates.
  defp by_function(sites, state) do
    count(sites, state.counters)

    {_code, counts} =
      :lists.foldl(
        fn {mfa, _caller}, {code, acc} ->
          n = :counters.get(state.counters, code)
          :counters.put(state.counters, code, 0)
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

  defp frame(n, types, ts, pids, sites, base, state) do
    {site_words, strings} = sites(:lists.reverse(state.site_list), <<>>, %{}, [])
    pid_names = list_of pid <- :lists.reverse(state.pid_list), do: Msgpack.text(Names.process(pid))
    corr_names = list_of corr <- :lists.reverse(state.corr_list), do: Msgpack.text(corr)

    :erlang.iolist_to_binary([
      Msgpack.array(7),
      Msgpack.text("batch"),
      Msgpack.integer(state.no),
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

  defp padded(column, n) do
    missing = n * 2 - byte_size(column)
    <<column::binary, 0::size(missing)-unit(8)>>
  end

  defp payloads(%{rows: []}), do: <<0xC0>>

  defp payloads(state) do
    rows = list_of(row <- :lists.reverse(state.rows), do: <<row::16-little>>)
    [Msgpack.array(2), Msgpack.bin(rows), Msgpack.array(length(state.payloads)) | :lists.map(&Msgpack.bin/1, :lists.reverse(state.payloads))]
  end

  # Ten words for each site; strings packed, in the order of their codes.
  defp sites([], words, _codes, strings) when rem(byte_size(words), 4 * @site_words) == 0, do: {words, :lists.reverse(strings)}

  defp sites([{{mod, fun, arity}, caller} | rest], words, codes, strings) do
    {m, codes, strings} = string({:m, mod}, codes, strings)
    {f, codes, strings} = string({:f, fun}, codes, strings)

    {cm, cf, ca, file, line, codes, strings} =
      case caller do
        {cmod, cfun, carity, {path, line}} ->
          {cm, codes, strings} = string({:m, cmod}, codes, strings)
          {cf, codes, strings} = string({:f, cfun}, codes, strings)
          {file, codes, strings} = string({:p, path}, codes, strings)
          {cm, cf, carity, file, line, codes, strings}

        {cmod, cfun, carity} ->
          {cm, codes, strings} = string({:m, cmod}, codes, strings)
          {cf, codes, strings} = string({:f, cfun}, codes, strings)
          {cm, cf, carity, 0, 0, codes, strings}

        {cmod, cfun, carity, _unknown} ->
          {cm, codes, strings} = string({:m, cmod}, codes, strings)
          {cf, codes, strings} = string({:f, cfun}, codes, strings)
          {cm, cf, carity, 0, 0, codes, strings}

        _unknown ->
          {0, 0, 0, 0, 0, codes, strings}
      end

    word = <<m::32-little, f::32-little, arity::32-little, cm::32-little, cf::32-little, ca::32-little, file::32-little, line::32-little, 0::32, 0::32>>
    sites(rest, <<words::binary, word::binary>>, codes, strings)
  end

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

  defp now, do: :erlang.monotonic_time(:nanosecond)
end
