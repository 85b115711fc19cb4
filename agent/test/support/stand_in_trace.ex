defmodule ElixirScopeAgent.StandInTrace do
  @moduledoc "Stands in for OTP 27's `:trace`: its functions and their arguments, done by the tracing there is. Tells the test what was called."

  def session_create(name, tracer, []) when is_atom(name) and is_pid(tracer) do
    tell({:session_create, name})
    {:session, tracer}
  end

  def session_destroy({:session, _}) do
    tell(:session_destroy)
    :erlang.trace(:all, false, [:all])
    true
  end

  def function({:session, _}, mfa, spec, flags), do: :erlang.trace_pattern(mfa, spec, flags)
  def recv({:session, _}, spec, []), do: :erlang.trace_pattern(:receive, spec, [])
  def process({:session, tracer}, who, true, flags), do: :erlang.trace(who, true, [{:tracer, tracer} | flags])
  def process({:session, _}, who, false, flags), do: :erlang.trace(who, false, flags)
  def info({:session, _}, what, item), do: :erlang.trace_info(what, item)
  def delivered({:session, _}, who), do: :erlang.trace_delivered(who)

  defp tell(what), do: if(pid = Process.whereis(:stand_in_trace_test), do: send(pid, {:trace_session, what}))
end
