/** Colours and emphasis for a terminal, or nothing at all: every function returns its text unchanged when styling is off. */

export type Style = Readonly<Record<'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan', (text: string) => string>>

const CODES = { bold: [1, 22], dim: [2, 22], red: [31, 39], green: [32, 39], yellow: [33, 39], cyan: [36, 39] } as const

export const PLAIN: Style = { bold: same, dim: same, red: same, green: same, yellow: same, cyan: same }

export const COLOURED: Style = {
  bold: wrap(CODES.bold), dim: wrap(CODES.dim), red: wrap(CODES.red),
  green: wrap(CODES.green), yellow: wrap(CODES.yellow), cyan: wrap(CODES.cyan),
}

function same(text: string): string {
  return text
}

function wrap([on, off]: readonly [number, number]): (text: string) => string {
  return (text) => text === '' ? '' : `\u001b[${on}m${text}\u001b[${off}m`
}
