/** verify, repair: whether the daemon says what the files say, and what is done about it where not. Ctrl-C ends either. */

import type { Failure } from '../../base/failure.ts'
import { ok, type Result } from '../../base/result.ts'
import { print, withDaemon, type Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import { withProgress } from '../progress.ts'
import { renderRepair, renderVerification } from '../render/verification.ts'

/** 1 when anything differs. */
export function verify(context: Context, limit: number): Promise<ExitCode> {
  return withDaemon(context, async (connection): Promise<Result<ExitCode, Failure>> => {
    const verified = await withProgress(context, connection, 'verify_progress', () => connection.call('verify', { limit }, { timeoutMs: null }))
    if (!verified.ok) return verified
    print(context, verified.value, () => renderVerification(verified.value, context.view))
    return ok(verified.value.total === 0 ? EXIT.ok : EXIT.failure)
  })
}

/** 1 when anything is left that differs. */
export function repair(context: Context, limit: number): Promise<ExitCode> {
  return withDaemon(context, async (connection): Promise<Result<ExitCode, Failure>> => {
    const repaired = await withProgress(context, connection, 'verify_progress', () => connection.call('repair', { limit }, { timeoutMs: null }))
    if (!repaired.ok) return repaired
    print(context, repaired.value, () => renderRepair(repaired.value, context.view))
    return ok(repaired.value.left.total === 0 ? EXIT.ok : EXIT.failure)
  })
}
