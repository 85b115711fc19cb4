defmodule ElixirScopeAgent.StandInTrace do
  @moduledoc """
  Stands in for OTP 27's `:trace`: its functions and their arguments, done by the tracing there is. Tells the test what was called. It takes
  no more than that module's documentation allows: no tracer among the flags, no ports, one handle for one session.
  """

  @patterns [:local, :call_count]

  def session_create(name, tracer, []) when is_atom(name) and is_pid(tracer) do
    tell({:session_create, name})
    {make_ref(), {name, tracer}}
  end

  # Also what patterns there are goes with a real one: the agent does not rely on that.
  def session_destroy({ref, _}) when is_reference(ref) do
    tell(:session_destroy)
    :erlang.trace(:all, false, [:all])
    true
  end

  def function({ref, _}, mfa, spec, [flag]) when is_reference(ref) and (mfa == :on_load or tuple_size(mfa) == 3) and flag in @patterns,
    do: :erlang.trace_pattern(mfa, spec, [flag])

  def recv({ref, _}, spec, []) when is_reference(ref), do: :erlang.trace_pattern(:receive, spec, [])

  def process({ref, {_, tracer}}, who, how, flags) when is_reference(ref) and (is_pid(who) or who in [:all, :existing, :new]) do
    [] = Enum.reject(flags, &is_atom/1)
    :erlang.trace(who, how, if(how, do: [{:tracer, tracer} | flags], else: flags))
  end

  def info({ref, _}, what, item) when is_reference(ref), do: :erlang.trace_info(what, item)
  def delivered({ref, _}, who) when is_reference(ref), do: :erlang.trace_delivered(who)

  defp tell(what), do: if(pid = Process.whereis(:stand_in_trace_test), do: send(pid, {:trace_session, what}))
end
