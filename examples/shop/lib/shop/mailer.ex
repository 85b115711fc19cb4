defmodule Shop.Mailer do
  @moduledoc "Writes to customers about their orders. A plain process with a loop of its own."

  alias Shop.{Receipt, Stats}

  def child_spec(opts) do
    %{id: __MODULE__, start: {__MODULE__, :start_link, [opts]}}
  end

  def start_link(opts), do: :proc_lib.start_link(__MODULE__, :init, [self(), opts])

  @doc "How many letters were written."
  @spec sent(timeout()) :: {:ok, non_neg_integer()} | {:error, :timeout}
  def sent(timeout \\ 1_000) do
    ref = make_ref()
    send(__MODULE__, {:sent, self(), ref})

    receive do
      {^ref, sent} -> {:ok, sent}
    after
      timeout -> {:error, :timeout}
    end
  end

  @doc false
  def init(parent, _opts) do
    Process.register(self(), __MODULE__)
    {:ok, _owner} = Registry.register(Shop.Events, :orders, nil)
    :proc_lib.init_ack(parent, {:ok, self()})
    loop(0)
  end

  defp loop(sent) do
    receive do
      {:delivered, order} ->
        Stats.bump(:letters)
        _letter = Receipt.render(order)
        loop(sent + 1)

      {:sent, from, ref} ->
        send(from, {ref, sent})
        loop(sent)

      _unknown ->
        loop(sent)
    end
  end
end
