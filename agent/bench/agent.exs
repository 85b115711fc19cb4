# What tracing costs the node, and what the agent carries. Run: mix run bench/agent.exs [calls]
# Each figure is the median of five runs; the cost of the untraced loop is subtracted.
defmodule BenchTarget do
  def loop(0), do: :ok

  def loop(n) do
    leaf(n)
    loop(n - 1)
  end

  def leaf(n), do: n
end

defmodule Bench do
  alias ElixirScopeAgent.Collector

  def run(n) do
    base = median(fn -> timed(n, fn _ -> :ok end) end)
    sink = fn -> spawn(fn -> sink() end) end
    token = {:get_seq_token}

    specs = [
      {"arity only", [{:_, [], []}]},
      {"with exceptions", [{:_, [], [{:exception_trace}]}]},
      {"with exceptions and caller line", [{:_, [], [{:exception_trace}, {:message, {{{:caller_line}, token}}}]}]},
      {"with caller line, no return", [{:_, [], [{:message, {{{:caller_line}, token}}}]}]}
    ]

    for {name, spec} <- specs do
      ns = median(fn -> traced(n, spec, sink.()) end) - base
      IO.puts("cost per call, #{name}: #{round(ns / n)} ns")
    end

    ns = median(fn -> traced(n, elem(Enum.at(specs, 2), 1), collector()) end) - base
    IO.puts("cost per call, whole agent (call and return, caller line): #{round(ns / n)} ns")

    rate = median(fn -> throughput(n) end)
    IO.puts("collector, queue full from the start: #{round(rate / 1000)} k events/s on one core")
  end

  defp timed(n, before) do
    parent = self()

    pid =
      spawn(fn ->
        receive do
          :go ->
            t = :erlang.monotonic_time(:nanosecond)
            BenchTarget.loop(n)
            send(parent, {:took, :erlang.monotonic_time(:nanosecond) - t})
        end
      end)

    before.(pid)
    send(pid, :go)
    receive(do: ({:took, ns} -> ns))
  end

  defp traced(n, spec, tracer) do
    :erlang.trace_pattern({BenchTarget, :leaf, 1}, spec, [:local])
    ns = timed(n, fn pid -> :erlang.trace(pid, true, [:call, :arity, :monotonic_timestamp, {:tracer, tracer}]) end)
    :erlang.trace_pattern({BenchTarget, :leaf, 1}, false, [:local])
    Process.exit(tracer, :kill)
    ns
  end

  defp sink, do: receive(do: (_ -> sink()))

  defp collector do
    buffered = :atomics.new(1, [])
    me = self()

    spawn(fn ->
      send(me, {:collector, Collector.start_link(%{session: me, sender: sender(buffered), buffered: buffered, budget: 1_000_000_000})})
      Process.sleep(:infinity)
    end)

    receive(do: ({:collector, pid} -> pid))
  end

  defp sender(buffered), do: spawn(fn -> acknowledge(buffered) end)

  defp acknowledge(buffered),
    do:
      receive(
        do:
          ({:batch, _, bytes} ->
             :atomics.sub(buffered, 1, byte_size(bytes))
             acknowledge(buffered))
      )

  # Real messages of four functions from several places, put before a suspended collector, then worked off.
  defp throughput(n) do
    pid = collector()
    :erlang.suspend_process(pid)
    t0 = :erlang.monotonic_time(:nanosecond)
    own = self()

    for i <- 1..div(n, 2) do
      mfa = {BenchTarget, Enum.at([:a, :b, :c, :d], rem(i, 4)), 1}
      caller = {BenchTarget, :loop, 1, {~c"bench/agent.exs", rem(i, 7) + 1}}
      send(pid, {:trace_ts, own, :call, mfa, {caller, []}, t0 + i * 2})
      send(pid, {:trace_ts, own, :return_from, mfa, i, t0 + i * 2 + 1})
    end

    ref = make_ref()
    Collector.flush(pid, ref)
    t = :erlang.monotonic_time(:nanosecond)
    :erlang.resume_process(pid)
    # As many batches as that is: nothing was passed over.
    batches = div(n, 16_384) + 1
    receive(do: ({:flushed, ^ref, ^batches} -> :ok))
    ns = :erlang.monotonic_time(:nanosecond) - t
    Process.exit(pid, :kill)
    flush()
    n * 1.0e9 / ns
  end

  defp flush, do: receive(do: (_ -> flush()), after: (0 -> :ok))
  defp median(fun), do: 1..5 |> Enum.map(fn _ -> fun.() end) |> Enum.sort() |> Enum.at(2)
end

Bench.run(String.to_integer(List.first(System.argv()) || "200000"))
