defmodule ElixirScopeAgent.Sender do
  @moduledoc """
  Owns the connection to the daemon. Batches wait here until they are acknowledged; after a reconnect those that are not on the
  daemon's disk are sent again. No more are under way than the daemon gave credits for. It may block in a write (at most 5 s):
  nobody waits for it. The bytes it holds are counted in an atomic that the collector looks at before it hands a batch over.

  A batch that the daemon can never take (it refuses it, and says which it was) would be first in the queue for ever: a gap of its number takes
  its place.

  To the session: `{:connected, welcome}`, `{:disconnected, reason}`, `{:daemon, frame}` for what is not its own business.
  """

  import ElixirScopeAgent.Lists

  alias ElixirScopeAgent.{Batch, Gap, Msgpack}

  @connect_ms 5_000
  @send_ms 5_000
  @ping_ms 5_000
  @silence_ms 15_000
  @first_wait_ms 100
  @longest_wait_ms 5_000
  @after_refused_batch_ms 1_000
  @bye_ms 5_000

  @type options :: %{
          session: pid,
          address: {:local, binary} | {binary, :inet.port_number()},
          buffered: :atomics.atomics_ref(),
          hello: (() -> map)
        }

  @spec start_link(options) :: pid
  def start_link(options), do: :erlang.spawn_opt(__MODULE__, :init, [options], [:link, {:message_queue_data, :off_heap}])

  @doc "A frame beside the batches; dropped where there is no connection."
  def frame(sender, parts), do: send(sender, {:frame, parts})

  @doc "Modules that are loaded: `[{name, packed entry}]`; told now and after every reconnect."
  def modules(sender, entries), do: send(sender, {:modules, entries})

  @doc "Says bye once everything is acknowledged or the time is over; the caller gets `{:closed, ref, number of batches not acknowledged}`."
  def close(sender, ref, bye, timeout_ms \\ @bye_ms), do: send(sender, {:close, self(), ref, bye, timeout_ms})

  @doc "The caller gets `{:drained, ref}` once everything it was handed is acknowledged."
  def drained(sender, ref), do: send(sender, {:drained?, self(), ref})

  @doc false
  def init(options) do
    connect(%{
      options: options,
      socket: nil,
      ready: false,
      waiting: :queue.new(),
      sent: :queue.new(),
      # how many have left `sent` since the welcome
      n_acknowledged: 0,
      credits: 0,
      modules: %{},
      wait: @first_wait_ms,
      heard: now(),
      spoke: now(),
      closing: nil,
      drains: [],
      frames: []
    })
  end

  defp connect(state) do
    case open(state.options.address) do
      {:ok, socket} ->
        state = %{state | socket: socket, ready: false, heard: now(), spoke: now()}
        loop(written(["hello", state.options.hello.()], state))

      {:error, reason} ->
        send(state.options.session, {:disconnected, reason})
        :erlang.send_after(state.wait, self(), :connect)
        loop(%{state | socket: nil, ready: false, wait: min(state.wait * 2, @longest_wait_ms)})
    end
  end

  defp open({:local, path}), do: :gen_tcp.connect({:local, path}, 0, socket_options(), @connect_ms)
  defp open({host, port}), do: :gen_tcp.connect(:erlang.binary_to_list(host), port, [{:nodelay, true} | socket_options()], @connect_ms)

  defp socket_options do
    [:binary, {:packet, 4}, {:packet_size, 8_388_608}, {:active, true}, {:send_timeout, @send_ms}, {:send_timeout_close, true}, {:sndbuf, 262_144}]
  end

  defp loop(%{closing: {to, ref, _bye, _until}} = state) when state.socket == nil and state.wait > 400, do: finish(to, ref, state)

  defp loop(state) do
    receive do
      {:batch, no, bytes} ->
        loop(pump(%{state | waiting: :queue.in({no, bytes}, state.waiting)}))

      {:tcp, socket, bytes} when socket == state.socket ->
        state = %{state | heard: now()}

        case Msgpack.unpack(bytes) do
          {:ok, frame} when is_list(frame) -> loop(heed(frame, state))
          _ -> lost(:malformed, state)
        end

      {:tcp_closed, socket} when socket == state.socket ->
        lost(:closed, state)

      {:tcp_error, socket, reason} when socket == state.socket ->
        lost(reason, state)

      {:frame, parts} ->
        loop(if(state.ready, do: written(parts, state), else: %{state | frames: kept_frame(parts, state.frames)}))

      {:modules, entries} ->
        state = %{state | modules: :maps.merge(state.modules, :maps.from_list(entries))}
        loop(if(state.ready, do: tell_modules(entries, state), else: state))

      {:close, to, ref, bye, timeout} ->
        :erlang.send_after(timeout, self(), {:overdue, to, ref})
        loop(closing(%{state | closing: {to, ref, bye, now() + timeout}}))

      {:overdue, to, ref} ->
        finish(to, ref, state)

      {:drained?, to, ref} ->
        loop(drains(%{state | drains: [{to, ref} | state.drains]}))

      :connect when state.socket == nil ->
        connect(state)

      :closed_by_itself ->
        lost(:closed, state)

      :goodbye ->
        case state.closing do
          {to, ref, bye, _until} ->
            finish(to, ref, written(["bye", bye], state))

          nil ->
            loop(state)
        end

      _other ->
        loop(state)
    after
      1_000 -> loop_or_lost(state)
    end
  end

  defp loop_or_lost(%{socket: nil} = state), do: loop(state)

  defp loop_or_lost(state) do
    cond do
      now() - state.heard > @silence_ms -> lost(:silent, state)
      now() - state.spoke > @ping_ms and state.ready -> loop(written(["ping", now()], state))
      true -> loop(state)
    end
  end

  # Frames of the time before the connection: the last of each kind is worth telling.
  defp kept_frame(["planned", _] = parts, _frames), do: [parts]
  defp kept_frame(_parts, frames), do: frames

  defp heed(["welcome", %{"credits" => credits, "durable" => durable} = welcome], state) do
    # What was under way when the connection was lost comes first again, without what is on disk already.
    unsent = :queue.join(state.sent, state.waiting)
    state = forget(trunc(durable), %{state | ready: true, wait: @first_wait_ms, credits: trunc(credits), sent: unsent, waiting: :queue.new()})
    state = %{state | waiting: state.sent, sent: :queue.new(), n_acknowledged: 0}
    send(state.options.session, {:connected, welcome})
    state = tell_modules(:maps.to_list(state.modules), state)
    state = :lists.foldl(&written/2, %{state | frames: []}, state.frames)
    closing(drains(pump(state)))
  end

  defp heed(["ack", no, credits], state), do: closing(drains(pump(forget(trunc(no), %{state | credits: trunc(credits)}))))
  defp heed(["ping", n], state), do: written(["pong", n], state)
  defp heed(["pong", _], state), do: state

  defp heed(["refused", "malformed", message, nth], state) when is_integer(nth) and nth > state.n_acknowledged do
    {before, from} = :queue.split(min(nth - state.n_acknowledged - 1, :queue.len(state.sent)), state.sent)

    case :queue.out(from) do
      {{:value, {no, bytes}}, later} ->
        gap = refused(no, bytes, message)
        :atomics.add(state.options.buffered, 1, byte_size(gap) - byte_size(bytes))
        %{state | sent: :queue.join(before, :queue.in_r({no, gap}, later)), wait: @after_refused_batch_ms}

      {:empty, _} ->
        state
    end
  end

  defp heed(["refused", code, message | _], state) do
    send(state.options.session, {:refused, code, message})
    %{state | wait: @longest_wait_ms}
  end

  defp heed(frame, state) do
    send(state.options.session, {:daemon, frame})
    state
  end

  defp refused(no, bytes, message) do
    {from, to, counts} = Gap.of_batch(bytes)
    Batch.gap(no, Gap.fields("the daemon refused a batch: " <> message, from, to, counts), to)
  end

  # Every batch up to `no` is on the daemon's disk.
  defp forget(no, state) do
    case :queue.peek(state.sent) do
      {:value, {first, bytes}} when first <= no ->
        :atomics.sub(state.options.buffered, 1, byte_size(bytes))
        forget(no, %{state | sent: :queue.drop(state.sent), n_acknowledged: state.n_acknowledged + 1})

      _ ->
        state
    end
  end

  defp pump(%{ready: true} = state) do
    with true <- :queue.len(state.sent) < state.credits, {{:value, {_no, bytes} = batch}, waiting} <- :queue.out(state.waiting) do
      case :gen_tcp.send(state.socket, bytes) do
        :ok ->
          pump(%{state | waiting: waiting, sent: :queue.in(batch, state.sent), spoke: now()})

        {:error, _reason} ->
          send(self(), :closed_by_itself)
          %{state | ready: false}
      end
    else
      _ -> state
    end
  end

  defp pump(state), do: state

  defp written(_parts, %{socket: nil} = state), do: state

  defp written(parts, state) do
    case :gen_tcp.send(state.socket, Msgpack.pack(parts)) do
      :ok ->
        %{state | spoke: now()}

      {:error, _reason} ->
        send(self(), :closed_by_itself)
        %{state | ready: false}
    end
  end

  defp tell_modules([], state), do: state

  defp tell_modules(entries, state) do
    {frame, rest} = some(entries, 1_048_576, [])
    tell_modules(rest, written(["modules", frame], state))
  end

  defp some([{_name, packed} | rest], room, acc) when room > 0, do: some(rest, room - byte_size(packed), [{:packed, packed} | acc])
  defp some(rest, _room, acc), do: {acc, rest}

  defp drains(%{drains: []} = state), do: state

  defp drains(state) do
    if empty?(state) do
      list_of {to, ref} <- state.drains, do: send(to, {:drained, ref})
      %{state | drains: []}
    else
      state
    end
  end

  defp closing(%{closing: nil} = state), do: state

  defp closing(state) do
    if state.ready and empty?(state), do: send(self(), :goodbye)
    state
  end

  defp empty?(state), do: :queue.is_empty(state.waiting) and :queue.is_empty(state.sent)

  defp finish(to, ref, state) do
    if state.socket != nil, do: :gen_tcp.close(state.socket)
    send(to, {:closed, ref, :queue.len(state.waiting) + :queue.len(state.sent)})
  end

  defp lost(reason, state) do
    if state.socket != nil, do: :gen_tcp.close(state.socket)
    if state.socket != nil or state.ready, do: send(state.options.session, {:disconnected, reason})
    # Half again at most, so that many agents of a daemon that was restarted don't come at once.
    if state.socket != nil, do: :erlang.send_after(state.wait + :rand.uniform(div(state.wait, 2) + 1), self(), :connect)
    loop(%{state | socket: nil, ready: false, wait: min(state.wait * 2, @longest_wait_ms)})
  end

  defp now, do: :erlang.monotonic_time(:millisecond)
end
