defmodule ElixirScopeAgent.FreshCode do
  @moduledoc """
  Code that was loaded while the plan is in force and is called before it has patterns of its own (Patterns): what becomes of its calls.
  Part of the collector's state: `fresh` has, for each such module, `:kept` (its own patterns would tell just the same), `:missed`
  (they would tell something else) or `:stray` (the plan is not for it); `strays` those of the last kind; `told` those that the session has been told of and has
  not seen to.
  """

  alias ElixirScopeAgent.Plan

  @doc "A call of such code: what becomes of it. The session is told of the module once until it has seen to it."
  def called({mod, _, _}, at, state) do
    how = with(nil <- :maps.get(mod, state.fresh, nil), do: fate(mod, state.config))
    strays = if how == :stray, do: :maps.put(mod, true, state.strays), else: state.strays
    state = %{state | fresh: :maps.put(mod, how, state.fresh), strays: strays}

    if is_map_key(state.told, mod) do
      {how, state}
    else
      send(state.session, {:early, mod, how, at})
      {how, %{state | told: :maps.put(mod, true, state.told)}}
    end
  end

  @doc "A return to a call that was traced only because its code was new."
  def stray?({mod, _, _}, state), do: is_map_key(state.strays, mod)

  @doc "The session has seen to the module."
  def settled(mod, state), do: %{state | told: :maps.remove(mod, state.told)}

  @doc "Another configuration: modules with patterns of their own are fresh no longer."
  def configured(config, state) do
    fresh = :maps.without(:maps.keys(config.modules), state.fresh)
    fresh = if config.plan == state.config.plan, do: fresh, else: :maps.map(fn mod, _ -> fate(mod, config) end, fresh)
    %{state | config: config, fresh: fresh, strays: :maps.filter(fn _, how -> how == :stray end, fresh)}
  end

  defp fate(_mod, %{plan: nil}), do: :stray

  defp fate(mod, config) do
    case Plan.targets_in(mod, config.plan) do
      [] -> :stray
      targets -> if(Plan.as_early?(targets, config.early), do: :kept, else: :missed)
    end
  end
end
