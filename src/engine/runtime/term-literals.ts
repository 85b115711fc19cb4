/** Strings, binaries, atoms, charlists and floats as Elixir's `inspect` prints them. Pure. */

/** As many bytes of a binary, as with the standard limit of `inspect`. */
const BYTES_SHOWN = 50

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"', '\\': '\\\\', '\n': '\\n', '\t': '\\t', '\r': '\\r', '\v': '\\v', '\b': '\\b', '\f': '\\f', '\u0007': '\\a', '\u001b': '\\e', '\u007f': '\\d', '#{': '\\#{',
}
// oxlint-disable-next-line no-control-regex -- these are the ones that have an escape
const TO_ESCAPE = /["\\\n\t\r\v\f\u0007\u0008\u001b\u007f]|#\{/g
// oxlint-disable-next-line no-control-regex -- the same
const PRINTABLE = /^[\u0007-\r\u001b -\u007f\u00a0-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]*$/u

const IDENTIFIER = /^[\p{L}_][\p{L}\p{N}_@]*[?!]?$/u
const OPERATORS = new Set([
  '!', '&&', '||', '.', '..', '...', '=', '==', '!=', '===', '!==', '=~', '<', '>', '<=', '>=', '<-', '->', '|', '|||', '|>', '&', '&&&', '+', '++', '+++', '-', '--', '---', '*', '**', '/', '//', '^', '^^^',
  '~~~', '<<<', '>>>', '<<~', '~>>', '<~', '~>', '<~>', '@', '\\\\', '{}', '%{}', '<<>>', '%',
])
const ALIAS = /^[A-Z]\w*(?:\.[A-Z]\w*)*$/

export function stringText(text: string): string {
  return PRINTABLE.test(text) ? quoted(text) : bytesText(Buffer.from(text))
}

export function bytesText(bytes: Uint8Array): string {
  const shown = [...bytes.subarray(0, BYTES_SHOWN)]
  return `<<${[...shown, ...bytes.length > BYTES_SHOWN ? ['...'] : []].join(', ')}>>`
}

function quoted(text: string): string {
  return `"${text.replace(TO_ESCAPE, (found) => ESCAPES[found] ?? found)}"`
}

/** A list of these is shown as text, as `inspect` does. */
export function isPrintableCode(code: unknown): code is number {
  return typeof code === 'number' && ((code >= 32 && code <= 126) || (code >= 7 && code <= 13) || code === 27)
}

export function charlistText(codes: readonly number[]): string {
  return `~c${quoted(String.fromCharCode(...codes))}`
}

/** `nil`, `true` and `false` are atoms too; names of modules have no colon. */
export function atomText(name: string): string {
  if (name === 'nil' || name === 'true' || name === 'false' || isModule(name)) return name
  return `:${unquoted(name) ?? quoted(withoutColon(name))}`
}

/** As a key of a map or keyword list: `name:`; undefined for a module, which is no such key. */
export function keyText(name: string): string | undefined {
  return isModule(name) ? undefined : `${unquoted(name) ?? quoted(withoutColon(name))}:`
}

function isModule(name: string): boolean {
  return ALIAS.test(name)
}

/** An atom that would be read as a module has kept its colon. */
function withoutColon(name: string): string {
  return /^:[A-Z]/.test(name) ? name.slice(1) : name
}

function unquoted(name: string): string | undefined {
  const atom = withoutColon(name)
  return IDENTIFIER.test(atom) || OPERATORS.has(atom) ? atom : undefined
}

/** Whole ones up to 10^16 in full, else the shorter of the two notations. */
export function floatText(float: number): string {
  if (!Number.isFinite(float)) return String(float)
  if (Number.isInteger(float) && Math.abs(float) < 1e16) return `${Object.is(float, -0) ? '-0' : float.toFixed(0)}.0`
  const [mantissa = '', exponent = ''] = float.toExponential().split('e')
  const scientific = `${mantissa.includes('.') ? mantissa : `${mantissa}.0`}e${exponent.replace('+', '')}`
  if (Math.abs(float) >= 1e16) return scientific
  const decimal = decimalText(mantissa, Number(exponent))
  return decimal.length <= scientific.length ? decimal : scientific
}

/** Of a float that is not whole; its exponent is at most 15. */
function decimalText(mantissa: string, exponent: number): string {
  const sign = mantissa.startsWith('-') ? '-' : ''
  const digits = mantissa.replace(/[-.]/g, '')
  return exponent < 0 ? `${sign}0.${'0'.repeat(-exponent - 1)}${digits}` : `${sign}${digits.slice(0, exponent + 1)}.${digits.slice(exponent + 1)}`
}
