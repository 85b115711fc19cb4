defmodule Shop.Cart.Supervisor do
  @moduledoc "Starts a process for each open cart."

  use DynamicSupervisor

  def start_link(opts), do: DynamicSupervisor.start_link(__MODULE__, opts, name: __MODULE__)

  @spec start_cart(Shop.customer()) :: DynamicSupervisor.on_start_child()
  def start_cart(customer),
    do: DynamicSupervisor.start_child(__MODULE__, {Shop.Cart.Server, customer})

  @spec open() :: non_neg_integer()
  def open, do: DynamicSupervisor.count_children(__MODULE__).active

  @impl true
  def init(_opts), do: DynamicSupervisor.init(strategy: :one_for_one)
end
