defmodule ElixirScopeAgent.TermTest do
  use ExUnit.Case, async: true
  alias ElixirScopeAgent.{Msgpack, Term}

  @golden Path.join(__DIR__, "golden")
  defp wide, do: Term.limits(32, 100_000, [])

  defp packed(term, limits \\ wide()), do: IO.iodata_to_binary(Term.encode(term, limits))
  defp unpacked(term, limits \\ wide()), do: elem({:ok, _} = Msgpack.unpack(packed(term, limits)), 1)

  # What the golden payloads say in words, and Elixir does not read as a term.
  @in_words %{
    "args: [a pid: #PID<0.113.0>]" => :pid,
    "args: [a list of [1] and 999 more elements, left out]" => :left_out,
    "args: [a redacted value, for its key `password`]" => :redacted
  }

  for file <- Path.wildcard(Path.join(@golden, "*-terms.json")) do
    @external_resource file
    name = Path.basename(file, ".json")

    test "the golden bytes of #{name}" do
      rows = Regex.scan(~r/"term":("(?:[^"\\]|\\.)*"),"hex":"([0-9a-f]*)"/, File.read!(unquote(file)), capture: :all_but_first)
      assert rows != []

      for [words, hex] <- rows do
        {words, _} = Code.eval_string(words)
        fields = fields(Map.get(@in_words, words, words))
        expected = Base.decode16!(hex, case: :lower)
        if fields != nil, do: assert({words, Base.encode16(IO.iodata_to_binary(Term.payload(fields, wide())), case: :lower)} == {words, hex})
        assert {:ok, map} = Msgpack.unpack(expected)
        assert is_map(map)
      end
    end
  end

  defp fields(:pid), do: [{"args", [:erlang.list_to_pid('<0.113.0>')]}]
  defp fields(word) when word in [:left_out, :redacted], do: nil

  defp fields(text) do
    {fields, _} = Code.eval_string("[" <> text <> "]")
    for {key, value} <- fields, do: {Atom.to_string(key), value}
  end

  test "what is MessagePack's own comes back as it was" do
    for term <- [
          nil,
          true,
          false,
          0,
          127,
          128,
          255,
          256,
          65_535,
          65_536,
          4_294_967_296,
          -1,
          -32,
          -33,
          -128,
          -129,
          -32_769,
          -2_147_483_649,
          1.5,
          "",
          "é",
          String.duplicate("a", 300),
          [],
          [1, [2]]
        ] do
      assert unpacked(term) == term
    end
  end

  test "depth, bytes and secrets bound what is sent, and say so" do
    assert unpacked([[[[1, 2]]]], Term.limits(3, 1_000, [])) == [[[{:ext, 5, <<2>>}]]]
    list = unpacked(Enum.to_list(1..10_000), Term.limits(4, 100, []))
    assert length(list) < 100
    assert {:ext, 5, _} = List.last(list)
    assert {:ext, 7, text} = unpacked(String.duplicate("é", 10_000), Term.limits(4, 101, []))
    assert text =~ "(19900 more bytes)"
    assert String.valid?(text)
    assert byte_size(packed(Map.new(1..10_000, &{&1, &1}), Term.limits(4, 1_000, []))) < 3_000
    assert byte_size(packed(Integer.pow(10, 100_000))) < 100
    assert unpacked(%{"X-Auth-Token" => "abc"}) == %{"X-Auth-Token" => {:ext, 6, "token"}}
    refute packed(api_key: "abc") =~ "abc"
    refute packed(db_password: "hush", nested: %{user: {:secret, "hush"}}) =~ "hush"
    refute packed(%{pin: "hush"}, Term.limits(4, 100, ["PIN"])) =~ "hush"
    refute packed([%{password: "hush"} | {:secret, "hush"}]) =~ "hush"
  end

  test "garbage is refused, not raised" do
    for size <- 0..64, _ <- 1..50 do
      bytes = :rand.bytes(size)
      result = Msgpack.unpack(bytes)
      assert {bytes, result == :error or match?({:ok, _}, result)} == {bytes, true}
    end

    assert Msgpack.unpack(<<0xDD, 0xFFFFFFFF::32>>) == :error
    assert Msgpack.unpack(String.duplicate(<<0x91>>, 100_000)) == :error
    assert Msgpack.unpack(<<1, 2>>) == :error
  end

  test "nothing that runs on the node needs Elixir" do
    {:ok, modules} = :application.get_key(:elixir_scope_agent, :modules)
    ours = Enum.reject(modules, &(inspect(&1) =~ ~r"Test|StandIn|^Sample$"))
    assert length(ours) > 12

    for mod <- ours do
      {:ok, {_, [imports: imports]}} = :beam_lib.chunks(:code.which(mod), [:imports])
      # `Types.code/1` is a macro and does not run on the node.
      # `System.at_exit` is called where Elixir runs.
      allowed = [{Keyword, :fetch!, 2}, {System, :at_exit, 1}]

      needed =
        for {other, fun, arity} <- imports,
            String.starts_with?(Atom.to_string(other), "Elixir."),
            not String.starts_with?(inspect(other), "ElixirScopeAgent"),
            do: {other, fun, arity}

      assert {mod, needed -- allowed} == {mod, []}
    end
  end
end
