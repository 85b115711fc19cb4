defmodule ElixirScopeAgent.Correlation do
  @moduledoc """
  To which execution an event belongs: the label of `seq_trace` that the process carries, or the test that runs in it or caused it.
  Part of the collector's state (`corr_of`): `pid`, `{:label, pid}` => id; `{:test, pid}` => the function that runs the test,
  `{:name, pid}` => the test. Bounded: beyond it all of it is forgotten.
  """

  alias ElixirScopeAgent.Names

  @max_kept 50_000

  @doc "The id of what the process does now, or nil."
  def of(pid, state) do
    case state.corr_of do
      %{^pid => corr} -> corr
      _ -> nil
    end
  end

  @doc "The id of a call, by the token that it came with."
  def of_call(pid, token, state) do
    case token do
      {_flags, label, _serial, _from, _prev} when is_pid(label) -> of({:label, label}, state) || label(label)
      {_flags, label, _serial, _from, _prev} -> label(label)
      _ -> of(pid, state)
    end
  end

  @doc "Whom a process starts belongs to what it belongs to."
  def inherited(child, parent, state) do
    case state.corr_of do
      %{^parent => corr} -> kept(child, corr, state)
      _ -> state
    end
  end

  @doc "ExUnit runs each test by one call in the test's own process: its arguments name the test. The test, its id; or nil."
  def test_started(pid, mfa, args, state) do
    case test_of(args) do
      {mod, name} = test ->
        corr = <<"test:", Names.module(mod)::binary, ".", Names.atom(name)::binary>>
        {test, corr, kept({:test, pid}, mfa, kept({:name, pid}, test, kept({:label, pid}, corr, kept(pid, corr, state))))}

      nil ->
        nil
    end
  end

  @doc "Whether this is the end of the call that ran a test."
  def test_runs?(pid, mfa, state) do
    case state.corr_of do
      %{{:test, ^pid} => ^mfa} -> true
      _ -> false
    end
  end

  @doc "The test that ran in a process, its id. Servers may still do something for it: its label stays."
  def test_ended(pid, state) do
    test = :maps.get({:name, pid}, state.corr_of, {:unknown, :unknown})
    {test, of(pid, state), %{state | corr_of: :maps.without([pid, {:test, pid}, {:name, pid}], state.corr_of)}}
  end

  defp test_of([%{:__struct__ => ExUnit.Test, :name => name} = test | _]), do: {:maps.get(:module, test, :unknown), name}
  defp test_of([_ | rest]), do: test_of(rest)
  defp test_of(_), do: nil

  defp kept(key, value, %{corr_of: known} = state) when map_size(known) >= @max_kept, do: %{state | corr_of: %{key => value}}
  defp kept(key, value, state), do: %{state | corr_of: :maps.put(key, value, state.corr_of)}

  defp label(label) when is_integer(label), do: <<"seq:", :erlang.integer_to_binary(label)::binary>>
  defp label(label) when is_binary(label), do: Names.text(label, 256)
  defp label(label), do: <<"seq:", Names.printed(label, 5, 200)::binary>>
end
