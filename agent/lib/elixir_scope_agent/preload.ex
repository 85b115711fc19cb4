defmodule ElixirScopeAgent.Preload do
  @moduledoc """
  Loads the modules of the project's build that a plan is for, before the program runs: then everything is traced from its first
  call on, and no code is loaded between the calls. For a node that is started to be watched; never where code runs already.

  Left alone: modules that are loaded, those with an `-on_load` function (it may need what is not there yet), and files that cannot be read.
  The build may be older than the sources: what is compiled later takes the place of what was loaded here.
  """

  import ElixirScopeAgent.Lists
  alias ElixirScopeAgent.Plan

  @max_modules 5_000
  @max_bytes 268_435_456

  @doc """
  Where the project's beams are: `ELIXIR_SCOPE_EBIN` (directories with `:` between them), and the build of mix in the working directory,
  consolidated protocols before others.
  """
  @spec directories() :: [charlist]
  def directories do
    named = :string.lexemes(env(~c"ELIXIR_SCOPE_EBIN", ~c""), ~c":")
    build = build(env(~c"MIX_BUILD_PATH", nil), env(~c"MIX_ENV", if(env(~c"ELIXIR_SCOPE_TESTS", nil) == ~c"1", do: ~c"test", else: ~c"dev")))

    named ++
      :filelib.wildcard(:filename.join([build, ~c"lib", ~c"*", ~c"consolidated"])) ++
      [:filename.join(build, ~c"consolidated") | :filelib.wildcard(:filename.join([build, ~c"lib", ~c"*", ~c"ebin"]))]
  end

  defp build(nil, mix_env) do
    target = if env(~c"MIX_TARGET", ~c"host") == ~c"host", do: mix_env, else: env(~c"MIX_TARGET", ~c"") ++ ~c"_" ++ mix_env
    :filename.join(env(~c"MIX_BUILD_ROOT", ~c"_build"), target)
  end

  defp build(path, _mix_env), do: path

  defp env(name, default) do
    case :os.getenv(name) do
      value when is_list(value) and value != [] -> value
      _ -> default
    end
  end

  @doc "The modules of these directories that the plan is for, loaded all at once; which they are."
  @spec run(map, [charlist]) :: [module]
  def run(plan, directories) do
    files = :lists.flatmap(&files/1, directories)
    {_seen, _bytes, found} = :lists.foldl(fn file, acc -> found(file, plan, acc) end, {%{}, 0, []}, files)
    load(:lists.sublist(:lists.reverse(found), @max_modules))
  catch
    _, _ -> []
  end

  # Only what a directory lists is looked at: it is no place to search.
  defp files(directory) do
    case :file.list_dir(directory) do
      {:ok, names} -> list_of(name <- :lists.sort(names), :filename.extension(name) == ~c".beam", do: :filename.absname(:filename.join(directory, name)))
      _ -> []
    end
  end

  defp found(file, plan, {seen, bytes, found} = acc) do
    mod = :erlang.list_to_atom(:filename.basename(file, ~c".beam"))

    if is_map_key(seen, mod) or :erlang.module_loaded(mod) or bytes > @max_bytes or Plan.targets_in(mod, plan) == [] do
      acc
    else
      case :file.read_file(file) do
        {:ok, beam} -> {:maps.put(mod, true, seen), bytes + byte_size(beam), [{mod, file, beam} | found]}
        _ -> acc
      end
    end
  end

  # What is refused for the whole is left out, and the rest is tried once more.
  defp load(modules) do
    case :code.atomic_load(modules) do
      :ok ->
        list_of({mod, _, _} <- modules, do: mod)

      {:error, [_ | _] = reasons} ->
        refused = :maps.from_list(list_of({mod, _} <- reasons, do: {mod, true}))
        rest = list_of({mod, _, _} = one <- modules, not is_map_key(refused, mod), do: one)
        if length(rest) < length(modules), do: load(rest), else: []

      _ ->
        []
    end
  end
end
