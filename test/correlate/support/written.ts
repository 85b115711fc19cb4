/** Events of a trace on the way that those of a node take: in batches, through the writer, into blocks and out of them. */

import { must } from '../../../src/base/assert.ts'
import { counts, type Block } from '../../../src/event/block.ts'
import { siteOf, type Site } from '../../../src/event/names.ts'
import { append, beginBlock } from '../../../src/event/writer.ts'
import { openWriter, type Resolve } from '../../../src/event/writer-state.ts'
import { batchOf, type TestEvent } from '../../event/batches.ts'
import { newBlock, SMALL } from '../../event/rows.ts'
import type { Row } from './trace.ts'

const BATCH = 500
const BLOCK = { ...SMALL, rows: 4000, sites: 4000, strings: 20_000, stringBytes: 2_000_000 }

/** Each event, and the site that its row has. */
export function written(rows: readonly Row[], resolve: Resolve): readonly { readonly row: Row; readonly found: Site | undefined }[] {
  const writer = openWriter()
  const blocks: Block[] = []
  const begin = (): void => {
    blocks.push(newBlock(BLOCK))
    beginBlock(writer, must(blocks.at(-1), 'a block'), blocks.length)
  }
  begin()
  for (let from = 0; from < rows.length; from += BATCH) {
    const batch = batchOf(rows.slice(from, from + BATCH).map((row, idx) => eventOf(row, from + idx)), { no: 1 + from / BATCH })
    const source = { node: 'n', startNs: 0n }
    if (append(writer, batch, source, resolve) === 'appended') continue
    begin()
    must(append(writer, batch, source, resolve) === 'appended' || undefined, 'room in an empty block')
  }
  const sites = blocks.flatMap((block) => Array.from({ length: counts(block).rows }, (_, row) => siteOf(block, block.site[row] ?? 0)))
  return rows.map((row, idx) => ({ row, found: sites[idx] }))
}

function eventOf([pid, , type, module, name, arity, ...caller]: Row, ts: number): TestEvent {
  const [callerModule, function_ = '', callerArity = 0, file = '', line = 0] = caller
  return { type, pid, ts, mfa: `${module}.${name}/${arity}`, ...(callerModule === undefined ? {} : { caller: `${callerModule}.${function_}/${callerArity} ${file}:${line}` }) }
}
