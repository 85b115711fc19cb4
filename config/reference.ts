/**
 * The text of docs/CONFIG.md, made from the schema, the defaults, the profiles and the table of the specification's
 * keys. Pure; a test keeps the file equal to it.
 */

import { DEFAULTS } from './defaults.ts'
import { CONFIG_KEYS, type ConfigKey } from './keys.ts'
import { PROFILES } from './profiles.ts'
import type { Config, PartialConfig } from './schema.ts'
import { SPECIFIED_KEYS, type SpecifiedKey } from './specification.ts'

const INTRODUCTION = `# Configuration

Nothing needs to be configured. What can be is listed here; \`elixir-scope\` refuses a key or a value that it does not know
and says which, what it expected and where it came from.

Sources, later wins:

1. the defaults,
2. the profile (\`profile\`, \`ELIXIR_SCOPE_PROFILE\`, \`--profile\`),
3. the file \`elixir_scope.json\` at the project root, or the one named by \`--config\` or \`ELIXIR_SCOPE_CONFIG\`,
4. environment variables,
5. flags.

The file holds one object per section:

\`\`\`json
{
  "profile": "production",
  "http": { "port": 4040 },
  "project": { "exclude": ["/deps/", "/legacy/"] }
}
\`\`\`

A variable is read as JSON where that fits the key (\`4040\`, \`true\`, \`null\`, \`["lib", "test"]\`), a list may also be given
with commas (\`lib,test\`), and a text needs no quotes. \`ELIXIR_SCOPE_HOME\` is no key: it names the directory that holds all
state, in place of the XDG directories.
`

export function configReference(): string {
  const rows = CONFIG_KEYS.map(keyRow)
  return [
    INTRODUCTION,
    '## Keys\n',
    table(['Key', 'Default', 'Meaning', 'Expects', 'Variable'], rows),
    '## Profiles\n',
    'What each profile changes; everything else keeps its default.\n',
    table(['Key', ...profileNames()], profileRows()),
    '## Keys of the technical specification\n',
    'Each of its keys, and what carries its meaning here. Deviations and their reasons: [DEVIATIONS.md](DEVIATIONS.md).\n',
    table(['Specified', 'Its default', 'Here', 'Default here', ...profileNames(), 'Note'], SPECIFIED_KEYS.map(specifiedRow)),
  ].join('\n')
}

function keyRow(key: ConfigKey): string[] {
  return [code(key.key), value(valueAt(DEFAULTS, key)), escapeCell(key.description), escapeCell(key.expects), code(key.env)]
}

function profileNames(): (keyof typeof PROFILES)[] {
  return (Object.keys(PROFILES) as (keyof typeof PROFILES)[]).filter((name) => name !== 'default')
}

function profileRows(): string[][] {
  return CONFIG_KEYS.filter((key) => profileNames().some((name) => valueAt(PROFILES[name], key) !== undefined))
    .map((key) => [code(key.key), ...profileNames().map((name) => value(valueAt(PROFILES[name], key)))])
}

function specifiedRow({ name, specified, keys, note }: SpecifiedKey): string[] {
  const found = keys.map((key) => CONFIG_KEYS.find((candidate) => candidate.key === key)).filter((key) => key !== undefined)
  const column = (source: Config | PartialConfig): string =>
    found.map((key) => value(valueAt(source, key) ?? valueAt(DEFAULTS, key))).join(', ')
  const profiles = profileNames().map((profile) => column({ ...PROFILES[profile], profile }))
  return [code(name), specified, keys.map(code).join(', '), column(DEFAULTS), ...profiles, escapeCell(note)]
}

function valueAt(source: Config | PartialConfig, key: ConfigKey): unknown {
  return key.path.reduce<unknown>((node, name) => (node as Record<string, unknown> | undefined)?.[name], source)
}

function value(raw: unknown): string {
  return raw === undefined ? '' : code(JSON.stringify(raw).replaceAll('","', '", "'))
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`)
  return `${lines.join('\n')}\n`
}

function code(text: string): string {
  return `\`${text}\``
}

function escapeCell(text: string): string {
  return text.replaceAll('|', String.raw`\|`)
}
