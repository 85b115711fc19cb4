defmodule ElixirScopeAgent.TestDaemon do
  @moduledoc """
  A daemon for the tests: takes agents on a Unix socket and tells the test what they send, as `{:daemon, frame}`. It acknowledges
  batches by itself unless told not to; it can be slow, fall silent, and die.
  """

  alias ElixirScopeAgent.Msgpack

  defstruct [:pid, :path]

  def start(options \\ []) do
    path = Keyword.get(options, :path, "/tmp/es-agent-#{System.unique_integer([:positive])}-#{System.os_time()}.sock")
    test = self()
    pid = spawn(fn -> listen(path, test, Map.new(options)) end)

    receive do
      {^pid, :listening} -> %__MODULE__{pid: pid, path: path}
    end
  end

  def plan(daemon, plan), do: send(daemon.pid, {:send, ["plan", plan]})
  def ask(daemon, id, what), do: send(daemon.pid, {:send, ["ask", id, what]})
  def tell(daemon, frame), do: send(daemon.pid, {:send, frame})

  @doc "Cuts the connection, and takes the next one."
  def cut(daemon), do: send(daemon.pid, :cut)

  def kill(daemon) do
    ref = Process.monitor(daemon.pid)
    Process.exit(daemon.pid, :kill)

    receive do
      {:DOWN, ^ref, :process, _, _} -> File.rm(daemon.path)
    end
  end

  defp listen(path, test, options) do
    File.rm(path)
    {:ok, listener} = :gen_tcp.listen(0, [:binary, packet: 4, active: false, ifaddr: {:local, path}, recbuf: 65_536])
    send(test, {self(), :listening})
    accept(listener, test, options, Map.get(options, :durable, 0))
  end

  defp accept(listener, test, options, durable) do
    {:ok, socket} = :gen_tcp.accept(listener)
    {:ok, hello} = :gen_tcp.recv(socket, 0)
    {:ok, ["hello", map]} = Msgpack.unpack(hello)
    send(test, {:daemon, ["hello", map]})
    welcome = %{"protocol" => 1, "credits" => Map.get(options, :credits, 64), "durable" => durable, "plan" => Map.get(options, :plan)}
    write(socket, ["welcome", welcome])
    # A daemon that does not read: the socket fills up.
    unless options[:blocked], do: :inet.setopts(socket, active: true)
    serve(listener, socket, test, options, durable)
  end

  defp serve(listener, socket, test, options, durable) do
    receive do
      {:tcp, ^socket, bytes} ->
        {:ok, frame} = Msgpack.unpack(bytes)
        send(test, {:daemon, frame})

        case frame do
          ["batch", no | _] ->
            if options[:slow], do: Process.sleep(options[:slow])

            if options[:ack] != false do
              write(socket, ["ack", no, Map.get(options, :credits, 64)])
              serve(listener, socket, test, options, no)
            else
              serve(listener, socket, test, options, durable)
            end

          _ ->
            serve(listener, socket, test, options, durable)
        end

      {:tcp_closed, ^socket} ->
        send(test, {:daemon, :closed})
        accept(listener, test, options, durable)

      {:send, frame} ->
        write(socket, frame)
        serve(listener, socket, test, options, durable)

      :cut ->
        :gen_tcp.close(socket)
        accept(listener, test, options, durable)
    end
  end

  defp write(socket, frame), do: :gen_tcp.send(socket, Msgpack.pack(frame))
end
