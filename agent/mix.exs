defmodule ElixirScopeAgent.MixProject do
  use Mix.Project

  def project do
    [
      app: :elixir_scope_agent,
      version: "0.1.0",
      elixir: "~> 1.14",
      start_permanent: false,
      elixirc_paths: elixirc_paths(Mix.env()),
      deps: []
    ]
  end

  def application do
    [mod: {ElixirScopeAgent.Application, []}, extra_applications: if(Mix.env() == :test, do: [:logger], else: [])]
  end

  defp elixirc_paths(:test), do: ["lib", "test/support"]
  defp elixirc_paths(_env), do: ["lib"]
end
