defmodule ElixirScopeAgent.Loaded do
  @moduledoc "Code that is loaded, as the runtime system knows it. Asking never loads anything, as a call of `module_info` would."

  import ElixirScopeAgent.Lists

  @doc "Functions with their arities; none where the module is not loaded."
  def functions(mod) do
    :erlang.get_module_info(mod, :functions)
  catch
    :error, _ -> []
  end

  @doc "The functions that a pattern is for: a module's, those of one name, or the one."
  def matching({_mod, fun, arity} = mfa) when fun != :_ and arity != :_, do: [mfa]
  def matching({mod, fun, _}), do: list_of({name, arity} <- functions(mod), fun == :_ or name == fun, do: {mod, name, arity})

  @doc "Of the code, or nil."
  def md5(mod) do
    :erlang.get_module_info(mod, :md5)
  catch
    :error, _ -> nil
  end
end
