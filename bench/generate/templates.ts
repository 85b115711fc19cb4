/**
 * The parts of a generated project that are the same for every seed: the module that all others build on, mix.exs,
 * the configuration.
 */
import { APP } from './plan.ts'

/** The source of Bazaar.Core. */
export const CORE = `defmodule ${APP}.Core do
  @moduledoc """
  What every module of the project starts from: \`use ${APP}.Core\`, or \`use ${APP}.Core, :controller\`.
  """

  @doc "The queue a worker takes its jobs from."
  @callback queue() :: atom()
  @doc "Does one job."
  @callback perform(map()) :: {:ok, map()} | {:error, term()}

  defmacro __using__(which) do
    quote do
      import ${APP}.Core, only: unquote([clamp: 3, presence: 1, is_id: 1] ++ helpers(which))
      unquote(extra(which))
    end
  end

  defp helpers(:controller), do: [respond: 2]
  defp helpers(_other), do: []

  defp extra(:worker), do: quote(do: @behaviour(${APP}.Core))
  defp extra(_other), do: nil

  @doc "Whether a term can be the id of a record."
  defguard is_id(term) when is_integer(term) and term > 0

  @doc "A number no smaller than \`least\` and no greater than \`most\`."
  @spec clamp(number(), number(), number()) :: number()
  def clamp(number, least, most), do: number |> max(least) |> min(most)

  @doc "Nothing for an empty text, the text otherwise."
  @spec presence(String.t() | nil) :: String.t() | nil
  def presence(nil), do: nil
  def presence(text), do: if(String.trim(text) == "", do: nil, else: text)

  @spec respond(atom(), term()) :: {atom(), String.t()}
  def respond(status, body) when status in [:ok, :error], do: {status, inspect(body)}
end
`

/** The files around the modules, by their paths. */
export function surroundings(modules: number): Record<string, string> {
  const application = modules > 1 ? `, mod: {${APP}.Application, []}` : ''
  return {
    'mix.exs': `defmodule ${APP}.MixProject do
  use Mix.Project

  def project do
    [app: :bazaar, version: "0.1.0", elixir: "~> 1.14", start_permanent: Mix.env() == :prod, deps: []]
  end

  def application, do: [extra_applications: [:logger]${application}]
end
`,
    '.formatter.exs': '[inputs: ["{mix,.formatter}.exs", "{config,lib,test}/**/*.{ex,exs}"], line_length: 120]\n',
    '.gitignore': '/_build/\n/deps/\n',
    'config/config.exs': 'import Config\n\nconfig :bazaar, page_size: 50, locales: ~w(en de fr)a\n\nimport_config "#{config_env()}.exs"\n',
    'config/dev.exs': 'import Config\n\nconfig :logger, level: :debug\n',
    'config/test.exs': 'import Config\n\nconfig :logger, level: :warning\n',
    'config/prod.exs': 'import Config\n\nconfig :logger, level: :info\n',
    'test/test_helper.exs': 'ExUnit.start()\n',
  }
}
