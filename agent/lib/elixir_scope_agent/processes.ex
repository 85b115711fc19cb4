defmodule ElixirScopeAgent.Processes do
  @moduledoc """
  Which processes are traced, and for what. Reads the session's state, sets flags, changes nothing of the state.

  Invariant: a process has no flag that the plan does not want or the ladder does not allow; the agent's own processes, what the agent
  needs, the logger and the group leaders have none.
  """

  import ElixirScopeAgent.Lists

  alias ElixirScopeAgent.{Plan, Tracer}

  @all_flags [:call, :procs, :send, :receive, :running, :garbage_collection, :silent, :set_on_spawn]
  @never [
    :user,
    :standard_error,
    :standard_error_sup,
    :init,
    :erl_prim_loader,
    :code_server,
    :logger,
    :logger_sup,
    :logger_proxy,
    :logger_handler_watcher,
    :logger_std_h_default,
    :erts_code_purger,
    :kernel_sup,
    :kernel_safe_sup,
    :file_server_2,
    :inet_db,
    Logger,
    Logger.Supervisor,
    Logger.BackendSupervisor
  ]

  @doc "Gives the plan's processes their flags; those that have them keep them."
  def trace(state) do
    flags = flags(state)

    # One by one, without those that are spared: `all` would have them for a moment, and their messages.
    pids =
      case Plan.processes(state.plan) do
        pids when is_list(pids) ->
          pids

        :new ->
          [:new]

        :all ->
          Tracer.processes(state.tracer, :new, true, flags)
          :erlang.processes()
      end

    spared = spared(state)
    :lists.foreach(fn pid -> if(not is_map_key(spared, pid), do: Tracer.processes(state.tracer, pid, true, flags)) end, pids)
  end

  @doc "Processes that are named are traced once they are there: looked for now and then."
  def trace_named(%{tracer: tracer, plan: %{processes: list}} = state) when tracer != nil and is_list(list), do: trace(state)
  def trace_named(_state), do: :ok

  @doc "After the ladder has moved, or calls have been muted or are heard again."
  def reflag(state) do
    unwanted = @all_flags -- [:set_on_spawn | flags(state)]
    # `new` says nothing of those that were new before: flags are taken from all, and given only to whom the plan names.
    if unwanted != [], do: Tracer.processes(state.tracer, :all, false, unwanted)
    if unwanted != [] and state.plan.processes == "all", do: Tracer.processes(state.tracer, :new, false, unwanted)
    trace(state)
  end

  @doc "No process has a flag of ours any more."
  def clear(state), do: Tracer.processes(state.tracer, :all, false, @all_flags)

  @doc "Types of the events that the plan asks for and the ladder does not allow; calls are counted apart (Counting)."
  @spec left_out(map, map) :: [binary]
  def left_out(plan, ladder), do: :lists.flatmap(&types/1, Plan.flags(plan) -- allowed(plan, ladder))

  defp types(:running), do: ["scheduled_in", "scheduled_out"]
  defp types(:garbage_collection), do: ["gc_start", "gc_end"]
  defp types(flag) when flag in [:send, :receive], do: [:erlang.atom_to_binary(flag)]
  defp types(_flag), do: []

  defp flags(%{ladder: ladder, plan: plan, muted: muted}) do
    flags = allowed(plan, ladder)
    if ladder.level >= 3 or muted != nil, do: [:silent | flags], else: flags
  end

  defp allowed(plan, %{level: level}) do
    flags = Plan.flags(plan)
    flags = if level >= 2, do: flags -- [:send, :receive, :running, :garbage_collection], else: flags
    if level >= 4, do: flags -- [:call], else: flags
  end

  defp spared(state) do
    own = [self(), state.collector, state.sender, state.helper | parents()]
    named = list_of name <- @never, pid = :erlang.whereis(name), is_pid(pid), do: pid
    leaders = list_of {app, _, _} <- applications(), master = :application_controller.get_master(app), is_pid(master), do: master
    :maps.from_list(list_of pid <- own ++ named ++ leaders, do: {pid, true})
  end

  defp applications do
    :application.which_applications(1_000)
  catch
    :exit, _ -> []
  end

  defp parents do
    case :erlang.get(:"$ancestors") do
      list when is_list(list) -> list_of one <- list, pid = if(is_pid(one), do: one, else: :erlang.whereis(one)), is_pid(pid), do: pid
      _ -> []
    end
  end
end
