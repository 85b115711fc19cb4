/** Elixir's own parser on the same files, on one core: the measure that ours are held against. */

import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

const IGNORED = new Set(['deps', '_build', '.git', 'node_modules'])

/** Files in memory, one warm pass, then the best of three. */
const SCRIPT = `
sources = IO.stream(:stdio, :line) |> Enum.map(&File.read!(String.trim_trailing(&1, "\\n")))
pass = fn -> Enum.each(sources, fn source ->
  try do Code.string_to_quoted(source, columns: true, emit_warnings: false) rescue _ -> :rejected end
end) end
pass.()
best = for _ <- 1..3 do {time, _} = :timer.tc(pass); time end |> Enum.min()
IO.puts(best)
`

/** Undefined where Elixir is not installed. */
export function elixirParseSeconds(dir: string): number | undefined {
  const files = readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.exs?$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !path.split('/').some((part) => IGNORED.has(part)))
  const ran = spawnSync('elixir', ['-e', SCRIPT], { input: files.join('\n'), encoding: 'utf8', env: { ...process.env, LC_ALL: 'C.UTF-8' } })
  if (ran.error !== undefined) return undefined
  const microseconds = Number(ran.stdout.trim().split('\n').at(-1))
  if (ran.status !== 0 || !Number.isFinite(microseconds)) throw new Error(`elixir failed: ${ran.stderr}`)
  return microseconds / 1e6
}
