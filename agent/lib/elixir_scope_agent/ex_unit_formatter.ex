defmodule ElixirScopeAgent.ExUnitFormatter do
  @moduledoc """
  Not a formatter, but called like one: before the first test, when the plan is put in force for all the code that tests run, and
  after the last, when everything must be on its way before the node ends. The tests themselves are seen by tracing (`ExUnitTests`).
  """

  @behaviour :gen_server

  alias ElixirScopeAgent.Session

  @impl true
  def init(_options) do
    Session.sync()
    {:ok, nil}
  end

  @impl true
  def handle_cast(event, state) when is_tuple(event) and :erlang.element(1, event) == :suite_finished do
    Session.drain()
    {:noreply, state}
  end

  def handle_cast(_event, state), do: {:noreply, state}

  @impl true
  def handle_call(_request, _from, state), do: {:reply, :ok, state}

  @impl true
  def handle_info(_message, state), do: {:noreply, state}
end
