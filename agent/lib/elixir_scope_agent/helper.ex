defmodule ElixirScopeAgent.Helper do
  @moduledoc """
  Does for the session what may take long or wait for others: loading modules, reading debug info, walking the supervision tree.
  One process for the agent's whole life, so that it can be left out of the tracing for good.

  To the session: `{:loaded, modules}`, `{:preloaded, modules}`. To the sender: entries of modules, answers. To the collector: supervision events.
  """

  import ElixirScopeAgent.Lists

  alias ElixirScopeAgent.{CodeInfo, Collector, Names, Preload, Sender, Supervision}

  @walk_ms 2_000
  @max_processes 1_000

  @spec start_link(pid) :: pid
  def start_link(session), do: :erlang.spawn_opt(__MODULE__, :init, [session], [:link])

  def load(helper, modules), do: send(helper, {:load, modules})
  @doc "The project's code that the plan is for."
  def preload(helper, plan), do: send(helper, {:preload, plan})
  def tell_modules(helper, sender, modules), do: send(helper, {:modules, sender, modules})
  def answer(helper, sender, id, what), do: send(helper, {:ask, sender, id, what})
  @doc "Follows the supervision tree from now on, or (nil) no longer."
  def follow(helper, collector), do: send(helper, {:follow, collector})

  @doc false
  def init(session), do: loop(%{session: session, collector: nil, following: nil, tree: nil, known: %{}})

  defp loop(state) do
    receive do
      {:load, modules} ->
        send(state.session, {:loaded, list_of(mod <- modules, loaded?(mod), do: mod)})
        loop(state)

      {:preload, plan} ->
        send(state.session, {:preloaded, Preload.run(plan, Preload.directories())})
        loop(state)

      {:modules, sender, modules} ->
        Sender.modules(sender, list_of(mod <- modules, entry = CodeInfo.entry(mod), do: entry))
        loop(state)

      {:ask, sender, id, what} ->
        {value, state} = value(what, state)
        Sender.frame(sender, ["answer", id, value])
        loop(state)

      {:follow, nil} ->
        loop(%{state | collector: nil, following: nil, tree: nil, known: %{}})

      {:follow, collector} when state.collector == nil ->
        {tree, known} = Supervision.walk(%{})
        Collector.event(collector, :supervision, [{"tree", tree}])
        following = :erlang.make_ref()
        :erlang.send_after(@walk_ms, self(), {:walk, following})
        loop(%{state | collector: collector, following: following, tree: tree, known: known})

      # That of a capture before would go on beside this one's.
      {:walk, following} when following == state.following ->
        {tree, known} = Supervision.walk(state.known)

        if tree != state.tree do
          case Supervision.changes(state.tree, tree) do
            [] -> :ok
            changes -> Collector.event(state.collector, :supervision, [{"changes", :lists.sublist(changes, 1_000)}])
          end
        end

        :erlang.send_after(@walk_ms, self(), {:walk, following})
        loop(%{state | tree: tree, known: known})

      _other ->
        loop(state)
    end
  end

  defp value("supervision", state) do
    {tree, known} = Supervision.walk(state.known)
    {tree, %{state | known: known}}
  end

  defp value("processes", state) do
    pids = :erlang.processes()
    {%{"count" => length(pids), "processes" => list_of(pid <- :lists.sublist(pids, @max_processes), info = process(pid), do: info)}, state}
  end

  defp value(_other, state), do: {["error", "there is no such question: supervision, stats, processes"], state}

  defp process(pid) do
    case :erlang.process_info(pid, [:registered_name, :initial_call, :current_function, :message_queue_len, :memory, :reductions, :status]) do
      [
        registered_name: name,
        initial_call: initial,
        current_function: current,
        message_queue_len: queue,
        memory: memory,
        reductions: reductions,
        status: status
      ] ->
        %{
          "pid" => Names.process(pid),
          "name" => if(name == [], do: nil, else: Names.atom(name)),
          "initial_call" => mfa(initial),
          "current_function" => mfa(current),
          "queue" => queue,
          "memory" => memory,
          "reductions" => reductions,
          "status" => :erlang.atom_to_binary(status)
        }

      _ ->
        nil
    end
  end

  defp mfa({mod, fun, arity}), do: <<Names.module(mod)::binary, ".", :erlang.atom_to_binary(fun)::binary, "/", :erlang.integer_to_binary(arity)::binary>>
  defp mfa(_), do: nil

  defp loaded?(mod), do: :code.ensure_loaded(mod) == {:module, mod}
end
