defmodule ElixirScopeAgent.Types do
  @moduledoc "The kinds of events and their codes, as the daemon has them (src/model/event.ts). Codes are never given twice."

  @codes [
    call: 1,
    return: 2,
    exception: 3,
    send: 4,
    receive: 5,
    spawn: 6,
    spawned: 7,
    exit: 8,
    link: 9,
    unlink: 10,
    getting_linked: 11,
    getting_unlinked: 12,
    register: 13,
    unregister: 14,
    scheduled_in: 15,
    scheduled_out: 16,
    gc_start: 17,
    gc_end: 18,
    code_load: 19,
    gap: 20,
    supervision: 21,
    test_start: 22,
    test_end: 23,
    capture_start: 24,
    capture_end: 25,
    probe: 26,
    degraded: 27
  ]

  defmacro code(name) when is_atom(name), do: Keyword.fetch!(@codes, name)

  for {name, code} <- @codes do
    def name(unquote(code)), do: unquote(:erlang.atom_to_binary(name))
    def of(unquote(name)), do: unquote(code)
  end
end
