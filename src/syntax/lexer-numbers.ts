/**
 * Numbers: integers in four bases and floats. Only their shape is checked here; `quoted.ts` computes the value.
 */

import { problem, push } from './lexer-state.ts'
import type { Lexer } from './lexer-state.ts'
import { Tok } from './tokens.ts'

const isDigit = (c: number): boolean => c >= 48 && c <= 57
const isHex = (c: number): boolean => isDigit(c) || (c >= 65 && c <= 70) || (c >= 97 && c <= 102)
const isOctal = (c: number): boolean => c >= 48 && c <= 55
const isBinary = (c: number): boolean => c === 48 || c === 49
const isWord = (c: number): boolean => (c >= 65 && c <= 90) || (c >= 97 && c <= 122) || c === 95

/** Reads the number whose first digit is at `start`. */
export function lexNumber(lexer: Lexer, start: number): number {
  const { source } = lexer
  if (source[start] === 48) {
    const letter = source[start + 1] as number
    const isBase = letter === 120 ? isHex : letter === 98 ? isBinary : letter === 111 ? isOctal : undefined
    if (isBase?.(source[start + 2] as number)) {
      const end = digits(source, start + 3, isBase)
      push(lexer, Tok.Int, start, end, 0)
      return end
    }
  }
  let end = digits(source, start + 1, isDigit)
  let kind: number = Tok.Int
  if (source[end] === 46 && isDigit(source[end + 1] as number)) {
    kind = Tok.Float
    end = exponent(source, digits(source, end + 2, isDigit))
    if (!isFiniteFloat(source, start, end)) problem(lexer, 'invalid_float', 'This float is too large.', start, end)
  }
  push(lexer, kind, start, end, 0)
  if (!isWord(source[end] as number)) return end
  const message = 'A number must be separated from the letter after it; names cannot begin with a digit.'
  problem(lexer, 'invalid_number', message, start, end + 1)
  while (isWord(source[end] as number) || isDigit(source[end] as number)) end++
  return end
}

/** End of the digits, which single underscores may separate. */
function digits(source: Uint8Array, from: number, isBase: (c: number) => boolean): number {
  let i = from
  for (;;) {
    if (isBase(source[i] as number)) i++
    else if (source[i] === 95 && isBase(source[i + 1] as number)) i += 2
    else return i
  }
}

function exponent(source: Uint8Array, at: number): number {
  if (source[at] !== 101 && source[at] !== 69) return at
  const sign = source[at + 1] === 43 || source[at + 1] === 45 ? 1 : 0
  return isDigit(source[at + 1 + sign] as number) ? digits(source, at + 2 + sign, isDigit) : at
}

function isFiniteFloat(source: Uint8Array, start: number, end: number): boolean {
  if (end - start < 300 && !hasExponent(source, start, end)) return true
  let digitsOnly = ''
  for (let i = start; i < end; i++) if (source[i] !== 95) digitsOnly += String.fromCharCode(source[i] as number)
  return Number.isFinite(Number(digitsOnly))
}

function hasExponent(source: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (source[i] === 101 || source[i] === 69) return true
  return false
}
