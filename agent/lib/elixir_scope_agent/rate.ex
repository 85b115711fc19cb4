defmodule ElixirScopeAgent.Rate do
  @moduledoc """
  How many events may be taken: a bucket of as many tokens as events are allowed in a second. All of them may go at once (the
  burst); each comes back a second after it was taken.

  Invariant: in any second no more tokens are taken than the bucket holds. Pure: times are handed in, nanoseconds that rise.
  """

  @type t :: %{holds: non_neg_integer | :any, out: non_neg_integer, taken: :queue.queue({integer, integer, pos_integer})}

  @second 1_000_000_000
  # What is taken within such a time comes back together, when the last of it may.
  @together 10_000_000

  @doc "A full bucket; of `nil` an endless one."
  @spec new(nil | number) :: t
  def new(per_second), do: resized(per_second, %{holds: 0, out: 0, taken: :queue.new()})

  @doc "The same for another rate: what is out stays out."
  @spec resized(nil | number, t) :: t
  def resized(per_second, bucket), do: %{bucket | holds: if(per_second == nil, do: :any, else: trunc(per_second))}

  @doc "How many may be taken at a time, `most` at most; the bucket with what has come back until then."
  @spec room(integer, non_neg_integer, t) :: {non_neg_integer, t}
  def room(_at, most, %{holds: :any} = bucket), do: {most, bucket}

  def room(at, most, bucket) do
    bucket = returned(at, bucket)
    {max(0, min(most, bucket.holds - bucket.out)), bucket}
  end

  @doc "So many are taken, the last of them at that time."
  @spec take(pos_integer, integer, t) :: t
  def take(_n, _at, %{holds: :any} = bucket), do: bucket

  def take(n, at, bucket) do
    taken =
      case :queue.out_r(bucket.taken) do
        {{:value, {first, last, before}}, rest} when at - first < @together -> :queue.in({first, max(at, last), before + n}, rest)
        _ -> :queue.in({at, at, n}, bucket.taken)
      end

    %{bucket | out: bucket.out + n, taken: taken}
  end

  defp returned(at, bucket) do
    case :queue.peek(bucket.taken) do
      {:value, {_first, last, n}} when at - last >= @second -> returned(at, %{bucket | out: bucket.out - n, taken: :queue.drop(bucket.taken)})
      _ -> bucket
    end
  end
end
