defmodule Shop.Fulfilment do
  @moduledoc "Everything behind the counter. Crashes of the courier are part of the plan."

  use Supervisor

  def start_link(opts), do: Supervisor.start_link(__MODULE__, opts, name: __MODULE__)

  @impl true
  def init(_opts) do
    children = [Shop.Mailer, Shop.Order.Pipeline, Shop.Courier]
    Supervisor.init(children, strategy: :one_for_one, max_restarts: 10_000, max_seconds: 5)
  end
end
