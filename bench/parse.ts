/**
 * How fast Elixir text is read, on one thread with the files in memory: to the flat tree, to the quoted form, and by
 * Elixir's own parser where it is installed. After one pass to warm up, the median of several.
 */

import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createReader } from '../src/syntax/parse.ts'
import { quoted } from '../src/syntax/quoted.ts'

const PASSES = 7

type Rate = { readonly seconds: number; readonly mbPerSecond: number }

export type ParseReport = {
  readonly files: number
  readonly bytes: number
  readonly nodes: number
  readonly tree: Rate
  /** Tree and quoted form together. */
  readonly quoted: Rate
  /** `Code.string_to_quoted` with columns, and how many times as fast this parser is. */
  readonly elixir?: Rate & { readonly treeRatio: number; readonly quotedRatio: number }
}

export async function benchParse(options: { readonly dir: string }): Promise<ParseReport> {
  const paths = readdirSync(options.dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.exs?$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
  const sources = paths.map((path) => new Uint8Array(readFileSync(path)))
  const bytes = sources.reduce((sum, source) => sum + source.length, 0)
  const read = createReader()
  let nodes = 0
  const tree = rate(bytes, () => {
    nodes = 0
    for (const source of sources) nodes += read(source).length
  })
  const whole = rate(bytes, () => {
    for (const source of sources) quoted(read(source))
  })
  const elixir = elixirRate(paths, bytes)
  const report = { files: paths.length, bytes, nodes, tree, quoted: whole }
  if (elixir === undefined) return report
  const treeRatio = elixir.seconds / tree.seconds
  return { ...report, elixir: { ...elixir, treeRatio, quotedRatio: elixir.seconds / whole.seconds } }
}

function rate(bytes: number, pass: () => void): Rate {
  pass()
  const seconds: number[] = []
  for (let i = 0; i < PASSES; i++) {
    const before = performance.now()
    pass()
    seconds.push((performance.now() - before) / 1000)
  }
  return rateOf(bytes, seconds)
}

function rateOf(bytes: number, seconds: number[]): Rate {
  const median = seconds.toSorted((a, b) => a - b)[seconds.length >> 1] ?? 0
  return { seconds: median, mbPerSecond: bytes / 1e6 / median }
}

const script = `
sources = IO.stream(:stdio, :line) |> Enum.map(&(&1 |> String.trim_trailing("\\n") |> File.read!()))
pass = fn -> for source <- sources do
  try do Code.string_to_quoted(source, columns: true, emit_warnings: false) rescue _ -> nil end
end; :ok end
pass.()
for _ <- 1..3, do: IO.puts(elem(:timer.tc(pass), 0))
`

function elixirRate(paths: readonly string[], bytes: number): Rate | undefined {
  const input = paths.map((path) => `${path}\n`).join('')
  const { status, stdout } = spawnSync('elixir', ['-e', script], { input, encoding: 'utf8' })
  if (status !== 0) return undefined
  return rateOf(bytes, stdout.trim().split('\n').map((micros) => Number(micros) / 1e6))
}
