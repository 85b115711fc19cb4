/**
 * Opens a store that is what its last writer left, or a new one in its place: a damaged one is set aside first. Never
 * touches a store of a later version, or of another program.
 */

import type { Failure } from '../base/failure.ts'
import { fail, ok, type Result } from '../base/result.ts'
import { asFailure } from './connection.ts'
import type { Writer, WriterOptions } from './contract.ts'
import { examineStore } from './examine.ts'
import { lastSetAside, setAside, type SetAside } from './set-aside.ts'
import { openWriter } from './writer.ts'

/** `setAside`: what was in the way, now or in an earlier life that ended before it had dealt with it. */
export type OpenedSound = { readonly writer: Writer; readonly setAside: SetAside | undefined }

/** `onDamage` is called before anything is moved: what others read from the store now is not to be trusted. */
export function openSound(options: WriterOptions, onDamage: () => void): Result<OpenedSound, Failure> {
  const aside = options.storage === 'disk' ? clearTheWay(options, onDamage) : ok(undefined)
  if (!aside.ok) return aside
  const writer = openWriter(options)
  return writer.ok ? ok({ writer: writer.value, setAside: aside.value }) : writer
}

function clearTheWay({ path, now }: WriterOptions, onDamage: () => void): Result<SetAside | undefined, Failure> {
  try {
    const examined = examineStore(path)
    if (examined.state === 'refused') return fail(examined.failure)
    if (examined.state === 'damaged') {
      onDamage()
      return ok(setAside(path, examined, now()))
    }
    const last = lastSetAside(path)
    return ok(last?.carriedOver === null ? last : undefined)
  } catch (caught) {
    return asFailure(caught, path)
  }
}
