defmodule ElixirScopeAgent.Plan do
  @moduledoc """
  What the daemon wants traced (docs/AGENT.md, Plans), read and checked; and what that is in terms of the runtime system: match
  specifications and flags. Pure, but for the questions which modules an application has and which are loaded.

  Invariant: no plan traces the runtime system wholesale. A wildcard needs a scope, and a point without a function in the
  modules of the applications below is refused.
  """

  import ElixirScopeAgent.Lists

  # The runtime system's own applications, and Elixir's: single functions of theirs may be traced, not all of them.
  @own_apps [:kernel, :stdlib, :erts, :compiler, :elixir, :logger, :eex, :ex_unit, :mix, :iex, :sasl, :runtime_tools]
  @max_modules 5_000
  @defaults ["return", "exceptions", "caller"]
  @operators %{"==" => :"=:=", ">" => :>, "<" => :<, ">=" => :>=, "<=" => :"=<", "!=" => :"=/="}
  @types %{
    "atom" => :is_atom,
    "binary" => :is_binary,
    "float" => :is_float,
    "function" => :is_function,
    "integer" => :is_integer,
    "list" => :is_list,
    "map" => :is_map,
    "number" => :is_number,
    "pid" => :is_pid,
    "reference" => :is_reference,
    "tuple" => :is_tuple
  }

  @type target :: %{
          point: binary,
          mfa: {module, atom, arity | :_},
          capture: [binary],
          condition: nil | map,
          sampling: number
        }

  @doc "A plan in plain form; what is missing has its default."
  @spec read(map) :: {:ok, map} | {:error, binary}
  def read(plan) when is_map(plan) do
    limits = sub(plan, "limits")
    points = list_of point <- list(plan, "points"), is_map(point), :maps.get("enabled", point, true) != false, do: point

    {:ok,
     %{
       id: text(plan, "id", ""),
       points: :lists.sublist(points, @max_modules),
       beyond: max(0, length(points) - @max_modules),
       processes: :maps.get("processes", plan, "all"),
       messages: flag(plan, "messages"),
       message_payloads: flag(plan, "message_payloads"),
       lifecycle: flag(plan, "lifecycle"),
       scheduling: flag(plan, "scheduling"),
       gc: flag(plan, "gc"),
       redact: list_of(name <- list(plan, "redact"), is_binary(name), do: name),
       duration_ms: number(limits, "duration_ms", nil),
       events: number(limits, "events", nil),
       bytes: number(limits, "bytes", nil),
       rate: number(limits, "rate_per_s", 200_000),
       rate_function: number(limits, "rate_per_function_s", 50_000),
       depth: number(limits, "depth", 4) |> min(32),
       size_bytes: number(limits, "size_bytes", 1024) |> min(1_048_576)
     }}
  end

  def read(_other), do: {:error, "a plan is a map"}

  @doc """
  The functions of each point, as far as they are known now: targets, the less special first (a later pattern takes the place of an
  earlier one), and refusals. A module that is not loaded, or an application not known yet, is neither: it is asked for again.
  """
  @spec targets(map) :: {[target], [map]}
  def targets(plan) do
    {targets, refused} =
      :lists.foldl(
        fn point, {targets, refused} ->
          case point(point) do
            {:ok, more} ->
              {more ++ targets, refused}

            {:refused, why} ->
              {targets,
               [
                 %{"point" => text(point, "id", ""), "module" => text(point, "module", ""), "function" => :maps.get("function", point, nil), "reason" => why}
                 | refused
               ]}
          end
        end,
        {[], []},
        plan.points
      )

    sorted = :lists.sort(fn one, other -> rank(one) <= rank(other) end, targets)
    beyond = plan.beyond + max(0, length(sorted) - @max_modules)
    {:lists.sublist(sorted, @max_modules), :lists.reverse(if(beyond > 0, do: [too_many(beyond) | refused], else: refused))}
  end

  defp too_many(beyond) do
    reason = ["a plan traces ", :erlang.integer_to_binary(@max_modules), " modules or functions at most; left out are ", :erlang.integer_to_binary(beyond)]
    %{"point" => nil, "module" => nil, "function" => nil, "reason" => :erlang.iolist_to_binary(reason)}
  end

  @doc "The targets in one module, whether it is loaded or not: how code that has just been loaded is looked up."
  @spec targets_in(module, map) :: [target]
  def targets_in(mod, plan) do
    name = ElixirScopeAgent.Names.module(mod)
    points = if own?(mod), do: [], else: list_of(point <- plan.points, in_point?(mod, name, point), do: point)

    points =
      if points != [] and is_map_key(own_modules(), mod),
        do: list_of(point <- points, text(point, "module", "") != "*", :maps.get("function", point, nil) != nil, do: point),
        else: points

    :lists.sort(fn one, other -> rank(one) <= rank(other) end, list_of(point <- points, do: target(mod, point)))
  end

  defp in_point?(mod, name, point) do
    case text(point, "module", "") do
      "*" -> in_scope?(mod, name, :maps.get("scope", point, nil))
      text -> text != "" and byte_size(text) <= 240 and existing(text) == mod
    end
  end

  defp in_scope?(mod, _name, %{"app" => app}) when is_binary(app), do: in_app?(mod, known_app(app))
  defp in_scope?(_mod, name, %{"prefix" => prefix}) when is_binary(prefix) and prefix != "", do: starts?(name, prefix)

  defp in_scope?(mod, name, scope) when is_binary(scope) and scope != "",
    do: if(known_app(scope) == nil, do: starts?(name, scope), else: in_app?(mod, known_app(scope)))

  defp in_scope?(_mod, _name, _scope), do: false

  defp in_app?(_mod, nil), do: false

  defp in_app?(mod, app) do
    case :application.get_key(app, :modules) do
      {:ok, modules} -> :lists.member(mod, modules)
      :undefined -> false
    end
  end

  @doc """
  What code is traced with from the moment it is loaded, until it has patterns of its own: as the first point that is for whole modules and
  without a condition asks for, or, where there is none, calls alone.
  """
  @spec early(map) :: %{capture: [binary], condition: nil}
  def early(plan) do
    wholes = list_of(point <- plan.points, target = target(:none, point), whole?(target), do: target.capture)
    %{capture: if(wholes == [], do: ["caller"], else: hd(wholes)), condition: nil}
  end

  @doc "Whether what was traced with `early` is just what these targets of one module would have told."
  def as_early?(targets, early) do
    case :lists.reverse(targets) do
      [%{capture: capture} = last | rest] -> capture == early.capture and whole?(last) and :lists.all(&whole?/1, rest)
      [] -> false
    end
  end

  defp whole?(%{mfa: {_, :_, _}, condition: nil, sampling: sampling}), do: sampling >= 1
  defp whole?(_target), do: false

  defp rank(%{mfa: {_, fun, arity}, priority: priority}) do
    special = if fun == :_, do: 0, else: if(arity == :_, do: 1, else: 2)
    {special, :maps.get(priority, %{"low" => 0, "medium" => 1, "normal" => 1, "high" => 2, "critical" => 3}, 1)}
  end

  defp point(point) do
    case text(point, "module", "") do
      name when name == "" or byte_size(name) > 240 -> {:refused, "a point names a module"}
      "*" -> wildcard(point)
      name -> single(name, point)
    end
  end

  defp wildcard(point) do
    case :maps.get("scope", point, nil) do
      %{"app" => name} when is_binary(name) -> application(name, point)
      %{"prefix" => prefix} when is_binary(prefix) and prefix != "" -> prefixed(prefix, point)
      name when is_binary(name) and name != "" -> if(known_app(name) == nil, do: prefixed(name, point), else: application(name, point))
      _ -> {:refused, "every module of the node would be traced: give the point a scope, {app: name} or {prefix: text}"}
    end
  end

  defp application(name, point) do
    case known_app(name) do
      nil ->
        {:ok, []}

      app ->
        if :lists.member(app, @own_apps) do
          {:refused, "an application of the runtime system or of Elixir is not traced as a whole"}
        else
          case :application.get_key(app, :modules) do
            {:ok, modules} -> {:ok, list_of(mod <- modules, not own?(mod), do: target(mod, point))}
            :undefined -> {:ok, []}
          end
        end
    end
  end

  defp prefixed(prefix, point) do
    owned = own_modules()

    {:ok,
     list_of(
       {mod, _file} <- :code.all_loaded(),
       starts?(ElixirScopeAgent.Names.module(mod), prefix),
       not is_map_key(owned, mod),
       not own?(mod),
       do: target(mod, point)
     )}
  end

  defp own?(mod), do: starts?(:erlang.atom_to_binary(mod), "Elixir.ElixirScopeAgent")

  defp single(name, point) do
    mod = existing(name)

    cond do
      own?(mod) ->
        {:refused, "the agent does not trace itself"}

      :maps.get("function", point, nil) == nil and is_map_key(own_modules(), mod) ->
        {:refused, "a module of the runtime system or of Elixir is traced by single functions only"}

      true ->
        {:ok, [target(mod, point)]}
    end
  end

  defp target(mod, point) do
    fun =
      case :maps.get("function", point, nil) do
        name when is_binary(name) -> :erlang.binary_to_atom(name)
        _ -> :_
      end

    arity =
      case :maps.get("arity", point, nil) do
        arity when is_number(arity) and fun != :_ -> trunc(arity)
        _ -> :_
      end

    %{
      point: text(point, "id", ""),
      mfa: {mod, fun, arity},
      capture: captures(point),
      condition: :maps.get("condition", point, nil),
      sampling: number(point, "sampling", 1),
      priority: text(point, "priority", "medium")
    }
  end

  defp captures(point) do
    case :maps.get("capture", point, nil) do
      list when is_list(list) -> list_of name <- list, is_binary(name), do: name
      _ -> @defaults
    end
  end

  # The module of that name, as Elixir or as Erlang writes it. Code that is not there yet has perhaps no atom: a plan may make it.
  defp existing(":" <> name), do: :erlang.binary_to_atom(name)
  defp existing(<<first, _::binary>> = name) when first >= ?A and first <= ?Z, do: :erlang.binary_to_atom(<<"Elixir.", name::binary>>)
  defp existing(name), do: :erlang.binary_to_atom(name)

  defp atom(name) do
    :erlang.binary_to_existing_atom(name)
  catch
    :error, _ -> nil
  end

  defp known_app(name) do
    case atom(name) do
      nil -> nil
      app -> if(:application.get_key(app, :vsn) == :undefined, do: nil, else: app)
    end
  end

  defp own_modules do
    :lists.foldl(
      fn app, acc ->
        case :application.get_key(app, :modules) do
          {:ok, modules} -> :lists.foldl(fn mod, acc -> :maps.put(mod, true, acc) end, acc, modules)
          :undefined -> acc
        end
      end,
      :maps.from_list(
        list_of mod <- [
                  :erlang,
                  :init,
                  :prim_inet,
                  :prim_file,
                  :prim_eval,
                  :erl_prim_loader,
                  :erts_internal,
                  :erl_init,
                  :persistent_term,
                  :atomics,
                  :counters,
                  :zlib
                ],
                do: {mod, true}
      ),
      @own_apps
    )
  end

  @doc "The match specification of `early`: what it tells begins with `:early`."
  def early_spec(early, arguments, caller_line) do
    {:ok, [{:_, [], actions}]} = spec(early, arguments, caller_line)
    {:message, {told}} = :lists.last(actions)
    [{:_, [], :lists.droplast(actions) ++ [{:message, {:erlang.insert_element(1, told, :early)}}]}]
  end

  @doc """
  The match specification of a target. `arguments`: whether they may be sent (the ladder says). Calls come with `{caller, token}` or
  `{caller, token, arguments}`. Only where something about the return is asked for is it traced: that ends tail calls,
  and a loop that calls itself for ever would grow.
  """
  @spec spec(target, :with | :without, boolean) :: {:ok, list} | {:error, binary}
  def spec(target, arguments, caller_line) do
    case guards(target.condition) do
      {:ok, guards} ->
        caller =
          cond do
            not :lists.member("caller", target.capture) -> :undefined
            caller_line -> {:caller_line}
            true -> {:caller}
          end

        told = if :lists.member("args", target.capture) and arguments == :with, do: {{caller, {:get_seq_token}, :"$_"}}, else: {{caller, {:get_seq_token}}}
        returns = if returns?(target), do: [{:exception_trace}], else: []
        {:ok, [{:_, guards, returns ++ [{:message, told}]}]}

      error ->
        error
    end
  end

  def returns?(target), do: :lists.member("return", target.capture) or :lists.member("result", target.capture) or :lists.member("exceptions", target.capture)

  defp guards(nil), do: {:ok, []}

  defp guards(%{"arg" => n, "op" => "is", "value" => type}) when is_number(n) and is_map_key(@types, type) do
    n = trunc(n)
    {:ok, [{:>, {:length, :"$_"}, n}, {:maps.get(type, @types), argument(n)}]}
  end

  defp guards(%{"arg" => n, "op" => op, "value" => value}) when is_number(n) and is_map_key(@operators, op) do
    n = trunc(n)

    case constant(value) do
      {:ok, constant} -> {:ok, [{:>, {:length, :"$_"}, n}, {:maps.get(op, @operators), argument(n), {:const, constant}}]}
      error -> error
    end
  end

  defp guards(_other), do: {:error, "the condition is not understood: {arg, op: == != > < >= <= is, value}"}

  # Arguments count from 0.
  defp argument(0), do: {:hd, :"$_"}
  defp argument(n), do: {:hd, tail(n)}
  defp tail(1), do: {:tl, :"$_"}
  defp tail(n), do: {:tl, tail(n - 1)}

  defp constant({:ext, 1, name}) do
    case atom(name) || atom("Elixir." <> name) do
      nil -> {:error, "no code on the node knows the atom of the condition"}
      atom -> {:ok, atom}
    end
  end

  defp constant(":" <> name), do: constant({:ext, 1, name})
  defp constant(value) when is_number(value) or is_binary(value) or value in [nil, true, false], do: {:ok, value}
  defp constant(_other), do: {:error, "a condition compares with a number, a text, nil, true, false or an atom written as :name"}

  @doc "Flags of the processes that are traced; `:set_on_spawn` where only some are."
  def flags(plan) do
    [:call, :arity] ++
      if(plan.messages, do: [:send, :receive], else: []) ++
      if(plan.lifecycle, do: [:procs], else: []) ++
      if(plan.scheduling, do: [:running], else: []) ++
      if(plan.gc, do: [:garbage_collection], else: []) ++ if(is_list(plan.processes), do: [:set_on_spawn], else: [])
  end

  @doc "The processes of the plan that are there: `:all`, `:new`, or pids; names and pids that are not are left out."
  def processes(%{processes: "new"}), do: :new

  def processes(%{processes: list}) when is_list(list) do
    pids =
      list_of one <- list, is_binary(one) do
        case atom(one) || atom("Elixir." <> one) do
          nil -> pid(one)
          name -> if(is_pid(:erlang.whereis(name)), do: :erlang.whereis(name), else: elixir_name(one) || pid(one))
        end
      end

    :lists.usort(list_of pid <- pids, is_pid(pid), do: pid)
  end

  def processes(_plan), do: :all

  defp elixir_name(":" <> name), do: whereis(atom(name))
  defp elixir_name(name), do: whereis(atom("Elixir." <> name))
  defp whereis(nil), do: nil

  defp whereis(name) do
    case :erlang.whereis(name) do
      pid when is_pid(pid) -> pid
      _ -> nil
    end
  end

  defp pid(text) do
    :erlang.list_to_pid(:erlang.binary_to_list(<<"<", text::binary, ">">>))
  catch
    :error, _ -> nil
  end

  defp starts?(text, prefix), do: byte_size(text) >= byte_size(prefix) and :binary.part(text, 0, byte_size(prefix)) == prefix
  defp text(map, key, default), do: with(value when not is_binary(value) <- :maps.get(key, map, default), do: default)
  defp flag(map, key), do: :maps.get(key, map, false) == true

  defp number(map, key, default) do
    case :maps.get(key, map, default) do
      value when is_number(value) and value >= 0 -> value
      _ -> default
    end
  end

  defp list(map, key) do
    case :maps.get(key, map, []) do
      value when is_list(value) -> value
      _ -> []
    end
  end

  defp sub(map, key) do
    case :maps.get(key, map, nil) do
      value when is_map(value) -> value
      _ -> %{}
    end
  end
end
