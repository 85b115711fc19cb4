defmodule ElixirScopeAgent.TraceMessages do
  @moduledoc """
  What a message of the runtime system's tracing comes to: `{:event, type's code, time, pid, peer, site, correlation id, payload's fields, state}`,
  or `{:ignore, state}`. The commonest calls and returns go past it, in the collector's loop.
  """

  require ElixirScopeAgent.Types
  alias ElixirScopeAgent.{Correlation, FreshCode, Names, Sampling, Term, Types}

  @compile {:inline, type: 1, event: 7, event: 8, message: 2, corr: 2, call: 7, sender: 1, place: 1}
  @links [:link, :unlink, :getting_linked, :getting_unlinked]
  @scheduling [:in, :in_exiting, :out, :out_exiting, :out_exited]
  @gc [:gc_minor_start, :gc_major_start, :gc_minor_end, :gc_major_end]

  # Kinds of messages that are called otherwise than the type of their event.
  @types [
    return_from: :return,
    exception_from: :exception,
    send_to_non_existing_process: :send,
    in: :scheduled_in,
    in_exiting: :scheduled_in,
    out: :scheduled_out,
    out_exiting: :scheduled_out,
    out_exited: :scheduled_out,
    gc_minor_start: :gc_start,
    gc_major_start: :gc_start,
    gc_minor_end: :gc_end,
    gc_major_end: :gc_end
  ]

  @doc "One message; what is none of tracing's is ignored."
  def read({:trace_ts, pid, :call, mfa, {:test, args}, at}, state), do: test_start(pid, mfa, args, at, state)
  def read({:trace_ts, pid, :call, mfa, {:early, caller, token}, at}, state), do: early(pid, mfa, caller, token, [], at, state)
  def read({:trace_ts, pid, :call, mfa, {:early, caller, token, args}, at}, state), do: early(pid, mfa, caller, token, [{"args", args}], at, state)
  def read({:trace_ts, pid, :call, mfa, {caller, token}, at}, state), do: sampled(pid, mfa, caller, token, [], at, state)
  def read({:trace_ts, pid, :call, mfa, {caller, token, args}, at}, state), do: sampled(pid, mfa, caller, token, [{"args", args}], at, state)
  def read({:trace_ts, pid, :call, mfa, at}, state), do: event(:call, at, pid, nil, {mfa, :undefined}, [], state)

  def read({:trace_ts, pid, :return_from, mfa, result, at}, state) do
    if Correlation.test_runs?(pid, mfa, state),
      do: test_end(pid, result, at, state),
      else: left(:return_from, pid, mfa, [], {state.config.results, [{"result", result}]}, at, state)
  end

  def read({:trace_ts, pid, :exception_from, mfa, {class, value}, at}, state),
    do: left(:exception_from, pid, mfa, [{"class", class}], {state.config.exceptions, [{"value", value}]}, at, state)

  def read({:trace_ts, pid, :send, message, to, at}, state), do: event(:send, at, pid, to, nil, message(message, state), state)
  def read({:trace_ts, pid, :send_to_non_existing_process, message, to, at}, state), do: event(:send, at, pid, to, nil, message(message, state), state)
  def read({:trace_ts, pid, :receive, message, {_node, from}, at}, state), do: event(:receive, at, pid, sender(from), nil, message(message, state), state)
  def read({:trace_ts, pid, :receive, message, at}, state), do: event(:receive, at, pid, nil, nil, message(message, state), state)

  def read({:trace_ts, pid, :spawn, child, mfa, at}, state), do: event(:spawn, at, pid, child, initial(mfa), [], Correlation.inherited(child, pid, state))

  def read({:trace_ts, pid, :spawned, parent, mfa, at}, state),
    do: event(:spawned, at, pid, parent, initial(mfa), [], Correlation.inherited(pid, parent, state))

  def read({:trace_ts, pid, :exit, reason, at}, state),
    do: event(:exit, at, pid, nil, nil, corr(pid, state), [{"reason", reason}], forgotten(pid, state))

  def read({:trace_ts, pid, kind, other, at}, state) when kind in @links, do: event(kind, at, pid, other, nil, [], state)
  def read({:trace_ts, pid, kind, name, at}, state) when kind in [:register, :unregister], do: event(kind, at, pid, nil, nil, [{"name", name}], state)
  def read({:trace_ts, pid, kind, mfa, at}, state) when kind in @scheduling, do: event(kind, at, pid, nil, place(mfa), [], state)
  def read({:trace_ts, pid, kind, _info, at}, state) when kind in @gc, do: event(kind, at, pid, nil, nil, [], state)
  def read(_other, state), do: {:ignore, state}

  # The type of the event that a kind of message becomes.
  for {kind, type} <- @types, do: defp(type(unquote(kind)), do: unquote(type))
  defp type(kind), do: kind

  defp event(kind, at, pid, peer, site, fields, state), do: event(kind, at, pid, peer, site, corr(pid, state), fields, state)
  defp event(kind, at, pid, peer, site, corr, fields, state), do: {:event, Types.of(type(kind)), at, pid, peer, site, corr, fields, state}

  # Most processes belong to nothing.
  defp corr(_pid, %{corr_of: none}) when map_size(none) == 0, do: nil
  defp corr(pid, state), do: Correlation.of(pid, state)

  # A call of code that was loaded just now.
  defp early(pid, mfa, caller, token, fields, at, state) do
    case FreshCode.called(mfa, at, state) do
      {:kept, state} -> call(pid, mfa, caller, token, fields, at, state)
      {_, state} -> {:ignore, state}
    end
  end

  defp sampled(pid, mfa, caller, token, fields, at, %{config: %{samples: none}} = state) when map_size(none) == 0,
    do: call(pid, mfa, caller, token, fields, at, state)

  defp sampled(pid, mfa, caller, token, fields, at, state) do
    case Sampling.take(pid, mfa, state) do
      {true, state} -> call(pid, mfa, caller, token, fields, at, state)
      {false, state} -> {:ignore, state}
    end
  end

  defp call(pid, mfa, caller, token, fields, at, state),
    do: event(:call, at, pid, nil, {mfa, caller}, Correlation.of_call(pid, token, state), fields, state)

  # The end of a call, by a return or an exception; `more`: fields that the functions named beside want.
  defp left(kind, pid, mfa, fields, {wanted, more}, at, state) do
    with false <- FreshCode.stray?(mfa, state), {true, state} <- Sampling.taken(pid, mfa, state) do
      event(kind, at, pid, nil, {mfa, :undefined}, if(wanted?(mfa, wanted), do: fields ++ more, else: fields), state)
    else
      true -> {:ignore, state}
      {false, state} -> {:ignore, state}
    end
  end

  # Among those named: by itself, its name, or its module.
  defp wanted?({mod, fun, _arity} = mfa, wanted) do
    map_size(wanted) > 0 and (is_map_key(wanted, mfa) or is_map_key(wanted, {mod, fun, :_}) or is_map_key(wanted, {mod, :_, :_}))
  end

  defp test_start(pid, mfa, args, at, state) do
    case Correlation.test_started(pid, mfa, args, state) do
      {test, corr, state} -> test_event(Types.code(:test_start), pid, test, corr, %{}, at, state)
      nil -> {:ignore, state}
    end
  end

  defp test_end(pid, result, at, state) do
    {test, corr, state} = Correlation.test_ended(pid, state)
    test_event(Types.code(:test_end), pid, test, corr, %{"state" => test_state(result)}, at, state)
  end

  defp test_event(code, pid, {mod, name}, corr, more, at, state) do
    told = :maps.merge(%{"module" => Names.module(mod), "name" => Names.atom(name)}, more)
    {:event, code, at, pid, nil, {{mod, name, 1}, :undefined}, corr, Term.own([{"test", told}]), state}
  end

  defp test_state(%{:state => nil}), do: "passed"
  defp test_state(%{:state => {state, _}}) when is_atom(state), do: :erlang.atom_to_binary(state)
  defp test_state(_), do: "unknown"

  # After its last event.
  defp forgotten(_pid, %{corr_of: corr_of, sampled: sampled} = state) when map_size(corr_of) == 0 and map_size(sampled) == 0, do: state
  defp forgotten(pid, state), do: %{state | corr_of: :maps.remove(pid, state.corr_of), sampled: :maps.remove(pid, state.sampled)}

  defp message(message, %{config: %{messages: true}}), do: [{"message", message}]
  defp message(_message, _state), do: []

  defp sender(from) when is_pid(from) or is_port(from), do: from
  defp sender(_from), do: nil

  defp initial({mod, fun, args}) when is_list(args), do: {{mod, fun, safe_length(args)}, :undefined}
  defp initial(mfa), do: place(mfa)

  defp safe_length(args) do
    length(args)
  catch
    :error, :badarg -> 0
  end

  defp place({_mod, _fun, arity} = mfa) when is_integer(arity), do: {mfa, :undefined}
  defp place(_other), do: nil
end
