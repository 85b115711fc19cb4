/**
 * What each well-known name does when it is called: defines, directs, quotes, branches. One table by symbol id, so that
 * the walk decides with one look.
 */

import { Sym, wellKnownNames } from '../syntax/well-known.ts'

export const Form = {
  Call: 0, Function: 1, Module: 2, Protocol: 3, Implementation: 4, Test: 5, Describe: 6, Directive: 7, Quote: 8, Unquote: 9, Choice: 10, Cases: 11,
  Struct: 12, Exception: 13, Super: 14,
} as const

export const forms: Uint8Array = new Uint8Array(wellKnownNames.length)
for (const name of ['def', 'defp', 'defmacro', 'defmacrop', 'defguard', 'defguardp', 'defdelegate'] as const) forms[Sym[name]] = Form.Function
for (const name of ['alias', 'import', 'require', 'use'] as const) forms[Sym[name]] = Form.Directive
for (const name of ['if', 'unless', 'for', 'try'] as const) forms[Sym[name]] = Form.Choice
for (const name of ['case', 'cond'] as const) forms[Sym[name]] = Form.Cases
for (const name of ['unquote', 'unquote_splicing'] as const) forms[Sym[name]] = Form.Unquote
forms[Sym.defmodule] = Form.Module
forms[Sym.defprotocol] = Form.Protocol
forms[Sym.defimpl] = Form.Implementation
forms[Sym.test] = Form.Test
forms[Sym.describe] = Form.Describe
forms[Sym.quote] = Form.Quote
forms[Sym.defstruct] = Form.Struct
forms[Sym.defexception] = Form.Exception
forms[Sym.super] = Form.Super
