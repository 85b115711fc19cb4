defmodule Shop.Application do
  @moduledoc false

  use Application

  @impl true
  def start(_type, _args) do
    :ok = Shop.Stats.create()

    children = [
      {Registry, keys: :unique, name: Shop.Registry},
      {Registry, keys: :duplicate, name: Shop.Events},
      Shop.Cache,
      {Shop.Inventory, stock: Application.fetch_env!(:shop, :stock)},
      {Shop.Pricing, rules: Application.fetch_env!(:shop, :rules)},
      {Task.Supervisor, name: Shop.Payments},
      Shop.Cart.Supervisor,
      Shop.Fulfilment
    ]

    Supervisor.start_link(children, strategy: :one_for_one, name: Shop.Supervisor)
  end

  @impl true
  def stop(_state), do: :ok
end
