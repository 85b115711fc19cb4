defmodule Sample do
  @moduledoc "A program whose events are known."

  def outer(n) do
    doubled = [n]
    [inner(hd(doubled)) | doubled]
  end

  def inner(n), do: n * 2
  def fails(reason), do: raise(ArgumentError, reason)
  def login(user), do: user
  def hot(0), do: 0
  def hot(n), do: hot(n - 1)
  def calls(0), do: :done

  def calls(n) do
    leaf(n)
    calls(n - 1)
  end

  def leaf(n), do: n
end
