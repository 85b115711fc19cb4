defmodule ElixirScopeAgent.Application do
  @moduledoc """
  The agent as a dependency. It is started where its environment says where the daemon is, else it does nothing. It is never
  restarted by a supervisor: an agent that fails again and again must not end an application, and a node with it.
  """

  @behaviour :application
  @behaviour :supervisor

  @impl :application
  def start(_type, _args), do: :supervisor.start_link({:local, __MODULE__}, __MODULE__, ElixirScopeAgent.Boot.from_app())

  @impl :application
  def stop(_state), do: :ok

  @impl :supervisor
  def init(nil), do: {:ok, {%{}, []}}

  def init(options) do
    ElixirScopeAgent.Boot.tests(options)
    {:ok, {%{}, [%{id: ElixirScopeAgent.Session, start: {__MODULE__, :start_session, [options]}, restart: :temporary, shutdown: 10_000}]}}
  end

  @doc false
  def start_session(options) do
    case ElixirScopeAgent.Session.start_link(options) do
      # `erl -s` was first.
      {:error, {:already_started, _}} -> :ignore
      started -> started
    end
  end
end
