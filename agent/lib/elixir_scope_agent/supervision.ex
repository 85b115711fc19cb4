defmodule ElixirScopeAgent.Supervision do
  @moduledoc """
  The node's supervision tree, cheaply: whether a supervisor's children have changed is seen by its links, which costs it nothing;
  only then is it asked, and not for longer than a second. Bounded in processes, depth and children that are listed.
  """

  import ElixirScopeAgent.Lists

  alias ElixirScopeAgent.Names

  @max_supervisors 2_000
  @max_children 1_000
  @max_depth 24
  @ask_ms 1_000

  @type known :: %{pid => {links_hash :: non_neg_integer, children :: [map]}}

  @doc "The tree now, and what is known of each supervisor in it. `known` of before saves asking those that have not changed."
  @spec walk(known) :: {map, known}
  def walk(known) do
    roots =
      list_of {app, _, _} <- :application.which_applications(@ask_ms), {top, mod} <- top(app) do
        {app, top, mod}
      end

    {apps, {known, _left}} =
      :lists.mapfoldl(
        fn {app, pid, mod}, {acc, left} ->
          {children, acc, left} = children(pid, known, acc, left, @max_depth)

          {%{"app" => :erlang.atom_to_binary(app), "pid" => Names.process(pid), "module" => Names.module(mod), "name" => name(pid), "children" => children},
           {acc, left}}
        end,
        {%{}, @max_supervisors},
        roots
      )

    {%{"apps" => apps}, known}
  catch
    # The application controller is busy or ends: nothing is known now.
    _, _ -> {%{"apps" => []}, %{}}
  end

  @doc "What is different: `started`, `ended`, `restarted` (a child of the same id with another pid)."
  @spec changes(map, map) :: [map]
  def changes(before, now) do
    before = flat(before)
    now = flat(now)

    started = list_of {key, child} <- :maps.to_list(now), not is_map_key(before, key), do: change("started", child, nil)
    ended = list_of {key, child} <- :maps.to_list(before), not is_map_key(now, key), do: change("ended", child, nil)

    restarted =
      list_of {key, child} <- :maps.to_list(now),
              old = :maps.get(key, before, nil),
              old != nil,
              field(old, "pid") != field(child, "pid"),
              do: change("restarted", child, field(old, "pid"))

    ended ++ restarted ++ started
  end

  defp change(what, child, was) do
    map = %{
      "change" => what,
      "supervisor" => field(child, "supervisor"),
      "id" => field(child, "id"),
      "pid" => field(child, "pid"),
      "module" => field(child, "module")
    }

    if was == nil, do: map, else: :maps.put("was", was, map)
  end

  # Children by place in the tree: application and ids from the top, so that a supervisor that was restarted keeps its children's places.
  # Children without an id of their own (simple_one_for_one) are told apart by pid.
  defp flat(%{"apps" => apps}) do
    :maps.from_list(
      :lists.flatmap(
        fn app ->
          key = [field(app, "app")]

          [
            {key, %{"id" => field(app, "app"), "pid" => field(app, "pid"), "module" => field(app, "module"), "supervisor" => nil}}
            | flat(field(app, "children"), key, field(app, "pid"))
          ]
        end,
        apps
      )
    )
  end

  defp flat(children, key, supervisor) do
    :lists.flatmap(
      fn child ->
        own = if field(child, "id") == "undefined", do: [field(child, "pid") | key], else: [field(child, "id") | key]
        [{own, :maps.put("supervisor", supervisor, child)} | flat(:maps.get("children", child, []), own, field(child, "pid"))]
      end,
      children
    )
  end

  defp top(app) do
    case :application_controller.get_master(app) do
      master when is_pid(master) ->
        case :application_master.get_child(master) do
          {pid, mod} when is_pid(pid) and is_atom(mod) -> [{pid, mod}]
          _ -> []
        end

      _ ->
        []
    end
  catch
    _, _ -> []
  end

  defp children(_pid, _before, acc, left, depth) when left <= 0 or depth <= 0, do: {[], acc, left}

  defp children(pid, before, acc, left, depth) do
    case :erlang.process_info(pid, [:links, :dictionary]) do
      [links: links, dictionary: dictionary] ->
        if supervisor?(dictionary) do
          hash = :erlang.phash2({length(links), :lists.usort(links)})

          own =
            case before do
              %{^pid => {^hash, own}} -> own
              _ -> asked(pid, length(links))
            end

          acc = :maps.put(pid, {hash, own}, acc)
          below(own, before, acc, left - 1, depth - 1, [])
        else
          {[], acc, left}
        end

      _ ->
        {[], acc, left}
    end
  end

  defp below([], _before, acc, left, _depth, done), do: {:lists.reverse(done), acc, left}

  defp below([{child, pid} | rest], before, acc, left, depth, done) do
    if field(child, "type") == "supervisor" and is_pid(pid) do
      {children, acc, left} = children(pid, before, acc, left, depth)
      below(rest, before, acc, left, depth, [:maps.put("children", children, child) | done])
    else
      below(rest, before, acc, left, depth, [child | done])
    end
  end

  # A supervisor of very many children would be kept busy by the question.
  defp asked(_pid, links) when links > @max_children do
    [{%{"id" => "…", "pid" => nil, "type" => "worker", "module" => nil, "left_out" => links}, nil}]
  end

  defp asked(pid, _links) do
    list_of {id, child, type, modules} <- :gen_server.call(pid, :which_children, @ask_ms) do
      {%{
         "id" => id(id),
         "pid" => if(is_pid(child), do: Names.process(child), else: nil),
         "state" => if(is_atom(child), do: :erlang.atom_to_binary(child), else: "running"),
         "type" => :erlang.atom_to_binary(type),
         "module" => module(modules),
         "name" => name(child)
       }, child}
    end
  catch
    _, _ -> []
  end

  defp supervisor?(dictionary) do
    case :lists.keyfind(:"$initial_call", 1, dictionary) do
      {_, {:supervisor, _, _}} -> true
      {_, {DynamicSupervisor, _, _}} -> true
      {_, {PartitionSupervisor, _, _}} -> true
      {_, {mod, :init, 1}} -> behaves?(mod, dictionary)
      _ -> false
    end
  end

  # DynamicSupervisor and others run as themselves: the callback module stands in `$initial_call` and calls `Supervisor`.
  defp behaves?(mod, _dictionary) do
    attributes = :lists.append(list_of {:behaviour, names} <- mod.module_info(:attributes), do: names)
    :lists.any(fn name -> name in [:supervisor, Supervisor, DynamicSupervisor, PartitionSupervisor] end, attributes)
  catch
    _, _ -> false
  end

  defp field(map, name), do: :maps.get(name, map, nil)

  defp id(:undefined), do: "undefined"
  defp id(id) when is_atom(id), do: Names.atom(id)
  defp id(id) when is_binary(id), do: Names.text(id, 120)
  defp id(id), do: Names.printed(id, 8, 120)

  defp module([mod]) when is_atom(mod), do: Names.module(mod)
  defp module(_), do: nil

  defp name(pid) when is_pid(pid) do
    case :erlang.process_info(pid, :registered_name) do
      {:registered_name, name} -> Names.atom(name)
      _ -> nil
    end
  end

  defp name(_), do: nil
end
