/** Structs as `inspect` prints them: those of Elixir that have a notation of their own, all others as `%Mod{…}`. Pure. */

import type { Entry, Term } from './terms.ts'

/** By name; a field that was left out or redacted is no number and no text. */
export type Fields = ReadonlyMap<string, Term>
/** Of the members of a set, in order. */
type Print = (members: readonly Term[]) => string

const NOTATIONS: Readonly<Record<string, (fields: Fields, print: Print) => string | undefined>> = {
  Date: (fields) => sigil('D', dateOf(fields)),
  Time: (fields) => sigil('T', timeOf(fields)),
  NaiveDateTime: (fields) => sigil('N', dateTimeOf(fields)),
  DateTime: (fields) => {
    const text = dateTimeOf(fields)
    return fields.get('time_zone') === 'Etc/UTC' ? sigil('U', text === undefined ? undefined : `${text}Z`) : undefined
  },
  Range: (fields) => {
    const [first, last, step] = [fields.get('first'), fields.get('last'), fields.get('step') ?? 1]
    return typeof first === 'number' && typeof last === 'number' && typeof step === 'number' ? `${first}..${last}${step === 1 ? '' : `//${step}`}` : undefined
  },
  Regex: (fields) => {
    const [source, options] = [fields.get('source'), fields.get('opts')]
    return typeof source === 'string' && typeof options === 'string' && !source.includes('/') ? `~r/${source}/${options}` : undefined
  },
  MapSet: (fields, print) => {
    const members = membersOf(fields.get('map'))
    return members === undefined ? undefined : `MapSet.new([${print(members)}])`
  },
}

/** Undefined where it has no notation of its own, or not all of it is there. */
export function notationOf(name: string, fields: Fields, print: Print): string | undefined {
  return Object.hasOwn(NOTATIONS, name) ? NOTATIONS[name]?.(fields, print) : undefined
}

function sigil(letter: string, text: string | undefined): string | undefined {
  return text === undefined ? undefined : `~${letter}[${text}]`
}

function dateTimeOf(fields: Fields): string | undefined {
  const [date, time] = [dateOf(fields), timeOf(fields)]
  return date === undefined || time === undefined ? undefined : `${date} ${time}`
}

function dateOf(fields: Fields): string | undefined {
  const [year, month, day] = [fields.get('year'), fields.get('month'), fields.get('day')]
  if (typeof year !== 'number' || typeof month !== 'number' || typeof day !== 'number' || !isIso(fields)) return undefined
  return `${year < 0 ? '-' : ''}${padded(Math.abs(year), 4)}-${padded(month, 2)}-${padded(day, 2)}`
}

function timeOf(fields: Fields): string | undefined {
  const [hour, minute, second, micro] = [fields.get('hour'), fields.get('minute'), fields.get('second'), fields.get('microsecond')]
  const tuple = typeof micro === 'object' && micro !== null && '$tuple' in micro ? micro.$tuple : undefined
  const [micros, precision] = Array.isArray(tuple) ? tuple : []
  if (typeof hour !== 'number' || typeof minute !== 'number' || typeof second !== 'number' || typeof micros !== 'number' || typeof precision !== 'number' || !isIso(fields)) return undefined
  return `${padded(hour, 2)}:${padded(minute, 2)}:${padded(second, 2)}${precision === 0 ? '' : `.${padded(micros, 6).slice(0, precision)}`}`
}

function isIso(fields: Fields): boolean {
  const calendar = fields.get('calendar')
  return typeof calendar === 'object' && calendar !== null && '$atom' in calendar && calendar.$atom === 'Calendar.ISO'
}

function padded(n: number, width: number): string {
  return String(n).padStart(width, '0')
}

/** The keys of its map, where they are all there. */
function membersOf(map: Term | undefined): readonly Term[] | undefined {
  if (typeof map !== 'object' || map === null || map instanceof Uint8Array || Array.isArray(map)) return undefined
  const pairs = pairsOf((map as { readonly [key: string]: Term })['$map'])
  if (pairs !== undefined) return pairs.every(([key]) => key !== '…') ? pairs.map(([key]) => key) : undefined
  const keys = Object.keys(map)
  return keys.some((key) => key.startsWith('$') || key === '…') ? undefined : keys.map((key) => (key.startsWith(':') ? { $atom: key.slice(1) } : key))
}

/** What a `$map` holds; undefined where it is no such pairs: a map of the program may have that key too. */
export function pairsOf(value: Term | undefined): readonly Entry[] | undefined {
  return Array.isArray(value) && value.every((pair) => Array.isArray(pair) && pair.length === 2) ? value : undefined
}
