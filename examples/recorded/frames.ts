/** A recorded run of the shop: the frames that its agent sent, one after the other as on the socket, compressed. */

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { createFrameReader } from '../../src/capture/frames.ts'

const FILE = join(import.meta.dirname, 'shop.frames.zst')

export function readRecorded(): readonly Uint8Array[] {
  return createFrameReader().push(zstdDecompressSync(readFileSync(FILE))) ?? []
}

export function writeRecorded(stream: Uint8Array): void {
  writeFileSync(FILE, zstdCompressSync(stream))
}
