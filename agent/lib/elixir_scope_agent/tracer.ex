defmodule ElixirScopeAgent.Tracer do
  @moduledoc """
  The one place that calls the runtime system's tracing. From OTP 27 on it is a trace session of its own, which knows nothing of
  others and leaves nothing behind; before, there is one tracer for the node: it is refused to start where another one is.

  Patterns that were set are kept by whoever set them and cleared one by one: never everyone's.
  """

  @type t :: {:legacy, pid} | {:sessions, module, term}

  # Processes that are looked at for another tracer.
  @looked_at 20_000
  @flags [:call, :procs, :send, :receive, :running, :garbage_collection, :silent, :arity, :set_on_spawn, :monotonic_timestamp]

  @doc "`module`: the module of trace sessions, where there is one."
  @spec start(pid, module) :: {:ok, t} | {:error, binary}
  def start(collector, module \\ :trace) do
    if sessions?(module) do
      # The session lives as long as its handle: the caller keeps it.
      {:ok, {:sessions, module, module.session_create(:elixir_scope, collector, [])}}
    else
      case other_tracer() do
        nil ->
          {:ok, {:legacy, collector}}

        {who, tracer} ->
          {:error, :erlang.iolist_to_binary(:io_lib.format(~c"another tracer, ~0p, traces ~0p: before OTP 27 a node has one tracer", [tracer, who]))}
      end
    end
  end

  @spec kind(module) :: binary
  def kind(module \\ :trace), do: if(sessions?(module), do: "sessions", else: "legacy")

  defp sessions?(module), do: :code.ensure_loaded(module) == {:module, module} and :erlang.function_exported(module, :session_create, 3)

  @doc "Sets or clears flags of processes; how many they are."
  def processes({:legacy, collector}, who, true, flags) do
    :erlang.trace(who, true, [:monotonic_timestamp, {:tracer, collector} | flags])
  catch
    # The process has ended, or somebody else traces it by now.
    :error, :badarg -> 0
  end

  def processes({:legacy, _}, who, false, flags) do
    :erlang.trace(who, false, flags)
  catch
    :error, :badarg -> 0
  end

  def processes({:sessions, module, session}, who, how, flags) do
    module.process(session, who, how, if(how, do: [:monotonic_timestamp | flags], else: flags))
  catch
    :error, :badarg -> 0
  end

  @doc "Sets or clears (`false`) a pattern (of `:on_load`: of code that is loaded later); how many functions it is for, or why it cannot be."
  @spec functions(t, mfa | :on_load, term, [atom]) :: {:ok, non_neg_integer} | {:error, term}
  def functions({:legacy, _}, mfa, spec, flags) do
    {:ok, :erlang.trace_pattern(mfa, spec, flags)}
  catch
    :error, reason -> {:error, reason}
  end

  def functions({:sessions, module, session}, mfa, spec, flags) do
    {:ok, module.function(session, mfa, spec, flags)}
  catch
    :error, reason -> {:error, reason}
  end

  @doc "Receives tell who sent."
  def receives(tracer, how) do
    spec = if how, do: [{[:"$1", :"$2", :_], [], [{:message, {{:"$1", :"$2"}}}]}], else: true

    case tracer do
      {:legacy, _} -> :erlang.trace_pattern(:receive, spec, [])
      {:sessions, module, session} -> module.recv(session, spec, [])
    end
  catch
    :error, _ -> 0
  end

  @doc "What is known of a function or process: `:traced`, `:call_count`, `:tracer`."
  def info({:legacy, _}, what, item), do: :erlang.trace_info(what, item)
  def info({:sessions, module, session}, what, item), do: module.info(session, what, item)

  @doc "Returns when every event until now is in the collector's queue, or the time is over."
  def delivered(tracer, timeout) do
    ref =
      case tracer do
        {:legacy, _} -> :erlang.trace_delivered(:all)
        {:sessions, module, session} -> module.delivered(session, :all)
      end

    receive do
      {:trace_delivered, :all, ^ref} -> :ok
    after
      timeout -> :late
    end
  end

  @doc "Nothing is traced any more. Patterns are the caller's to clear before."
  def stop({:legacy, _} = tracer) do
    processes(tracer, :all, false, @flags)
    receives(tracer, false)
    :ok
  end

  def stop({:sessions, module, session}) do
    module.session_destroy(session)
    :ok
  end

  @doc "Whether the runtime system can tell the line of a call (OTP 25 and later)."
  def caller_line? do
    match?({:ok, _, _, _}, :erlang.match_spec_test([], [{:_, [], [{:message, {:caller_line}}]}], :trace))
  catch
    :error, _ -> false
  end

  defp other_tracer do
    case traced_by(:new) do
      nil -> first_traced(:erlang.processes(), @looked_at)
      tracer -> {:new, tracer}
    end
  end

  defp first_traced([pid | rest], left) when left > 0 do
    case traced_by(pid) do
      nil -> first_traced(rest, left - 1)
      tracer -> {pid, tracer}
    end
  end

  defp first_traced(_pids, _left), do: nil

  defp traced_by(who) do
    case :erlang.trace_info(who, :tracer) do
      {:tracer, []} -> nil
      {:tracer, tracer} -> tracer
      :undefined -> nil
    end
  catch
    :error, _ -> nil
  end
end
