/** The drawing of the Synchronizer in docs/WATCHING.md, made from the machine, so that it cannot disagree with what runs. */

import { drawMoves } from '../../base/draw-moves.ts'
import { modeOf, syncMachine, syncStart, type SyncEvent } from './sync-machine.ts'

const MEANING: Readonly<Record<SyncEvent['type'], string>> = {
  named: 'files changed', unnamed: 'more changed than is named', read: 'the batch is read', too_many: 'more than is read here', stored: 'it is in the store',
  changed_meanwhile: 'a file was stored anew meanwhile', failed: 'what is needed is away or short', time_up: 'the pause is over',
}

/** Mermaid, one line per move in the order of the machine. */
export function drawSyncMachine(): string {
  return drawMoves(syncMachine.config.states, modeOf(syncStart()), MEANING)
}
