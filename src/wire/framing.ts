/**
 * Finds complete MessagePack values in a stream of bytes, in time linear in the bytes however they are chunked: the state
 * of the walk survives between chunks, so no byte is looked at twice and payloads are stepped over, not read.
 * Budgets for bytes, elements and depth hold before anything is decoded. A value over the budget of bytes or elements is
 * reported once, by its first bytes, then walked to its end without being kept; what is no MessagePack, nests too deeply
 * or uses extension types (this protocol has none) is fatal, because nothing behind it can be trusted.
 *
 *     [ value ][ value ][ header | length bytes | payload ... (chunk ends here)
 *      frame    frame     held, with `skip` payload bytes and the open containers on the stack
 */

export type FrameLimits = {
  /** Size of one value with everything in it. */
  readonly maxBytes: number
  /** Containers inside one another; a scalar has depth 0. */
  readonly maxDepth: number
  /** Values in one frame, containers and map keys counted too. */
  readonly maxElements: number
}

export type FrameFault = {
  readonly kind: 'malformed' | 'too_deep' | 'too_large'
  readonly message: string
  /** The first bytes of the value (64 at most): enough to find the message id that an answer needs. */
  readonly head: Uint8Array
  /** True: the scanner stops for good. False: the rest of this value is skipped, the next one is found. */
  readonly fatal: boolean
}

export type FrameScanner = {
  /**
   * What the stream holds up to the end of `chunk`, in its order. Frames are views, of `chunk` where they lie in it
   * whole. After a fatal fault it finds nothing more.
   */
  push(chunk: Uint8Array): (Uint8Array | FrameFault)[]
  /** Bytes kept of a value that is not complete yet. */
  heldBytes(): number
  /** True between the first byte of a value and its last, skipped values included. */
  isInsideValue(): boolean
}

const HEAD_BYTES = 64
const NOTHING = new Uint8Array(0)
const FIRST_HOLD_BYTES = 512

// What a token says. Below PAYLOAD_END: a scalar with that many bytes to come.
const PAYLOAD_END = 9
const STRING_1 = 10, STRING_2 = 11, STRING_4 = 12
const ARRAY_2 = 13, ARRAY_4 = 14, MAP_2 = 15, MAP_4 = 16
const FIX_STRING = 17, FIX_ARRAY = 18, FIX_MAP = 19
const EXTENSION = 20, RESERVED = 21

const TOKEN_CLASS = tokenClasses()

export function createFrameScanner(limits: FrameLimits): FrameScanner {
  /** Values still to come in each open container. 2 x 2^32 does not fit an integer array. */
  const open = new Float64Array(limits.maxDepth)
  let depth = 0
  let elements = 0
  /** Payload bytes still to step over. */
  let skip = 0
  /** A length of `lengthLeft` more bytes is being read for `lengthClass`; `length` is what was read of it. */
  let lengthLeft = 0
  let lengthClass = 0
  let length = 0
  let inside = false
  let discarding = false
  let dead = false
  let held: Uint8Array = NOTHING
  let nHeld = 0
  // The call of push under way: its chunk, where the current value starts in it, the next byte, and what was found.
  let chunk: Uint8Array = NOTHING
  let start = 0
  let at = 0
  let found: (Uint8Array | FrameFault)[] = []

  return { push, heldBytes: () => nHeld, isInsideValue: () => inside }

  function push(bytes: Uint8Array): (Uint8Array | FrameFault)[] {
    const results: (Uint8Array | FrameFault)[] = []
    if (dead || bytes.length === 0) return results
    chunk = bytes
    found = results
    start = at = 0
    scan()
    if (inside && !discarding) keep()
    chunk = NOTHING
    found = []
    return results
  }

  function scan(): void {
    while (at < chunk.length) {
      inside = true
      if (depth > 0 && skip === 0 && lengthLeft === 0) skim()
      if (at === chunk.length || !step()) continue
      if (!discarding) emit()
      reset()
      start = at
    }
  }

  /**
   * The fast path: steps over scalars that lie in the chunk whole and do not close their container. It only saves time;
   * budgets hold without it, because what it takes in is counted and no larger than the chunk.
   */
  function skim(): void {
    const bytes = chunk
    const end = bytes.length
    const values = open[depth - 1] ?? 0
    let left = values
    let i = at
    while (left > 1 && i < end) {
      const token = bytes[i] ?? RESERVED
      const kind = TOKEN_CLASS[token] ?? RESERVED
      let next = i + 1
      if (kind < PAYLOAD_END) next += kind
      else if (kind === FIX_STRING) next += token & 0x1f
      else if (kind === STRING_1) next += 1 + (bytes[i + 1] ?? 0)
      else if (kind === STRING_2) next += 2 + (bytes[i + 1] ?? 0) * 256 + (bytes[i + 2] ?? 0)
      else break
      if (next > end) break
      i = next
      left--
    }
    elements += values - left
    open[depth - 1] = left
    at = i
  }

  /** Goes over one payload, length byte or token; true when that completes the frame. */
  function step(): boolean {
    if (skip > 0) {
      const n = Math.min(skip, chunk.length - at)
      at += n
      skip -= n
      return skip === 0 && closeValue()
    }
    if (lengthLeft === 0) return readToken(chunk[at++] ?? 0)
    length = length * 256 + (chunk[at++] ?? 0)
    if (--lengthLeft > 0) return false
    if (lengthClass <= STRING_4) return payload(length)
    return container(lengthClass >= MAP_2 ? length * 2 : length)
  }

  function readToken(token: number): boolean {
    elements++
    const kind = TOKEN_CLASS[token] ?? RESERVED
    if (kind < PAYLOAD_END) return payload(kind)
    switch (kind) {
      case FIX_STRING: return payload(token & 0x1f)
      case FIX_ARRAY: return container(token & 0x0f)
      case FIX_MAP: return container((token & 0x0f) * 2)
      case EXTENSION: return fatal('malformed', 'an extension type, which this protocol does not use')
      case RESERVED: return fatal('malformed', 'the byte 0xc1, which MessagePack never uses')
      default:
        lengthClass = kind
        length = 0
        lengthLeft = kind === STRING_1 ? 1 : kind === STRING_4 || kind === ARRAY_4 || kind === MAP_4 ? 4 : 2
        return false
    }
  }

  function payload(bytes: number): boolean {
    const total = nHeld + at - start + bytes
    if (total > limits.maxBytes) tooLarge(`a value of at least ${total} bytes; the limit is ${limits.maxBytes}`)
    skip = bytes
    return bytes === 0 && closeValue()
  }

  function container(values: number): boolean {
    if (values === 0) return closeValue()
    if (depth >= limits.maxDepth) return fatal('too_deep', `containers nested deeper than ${limits.maxDepth}`)
    if (elements + values > limits.maxElements) {
      tooLarge(`a value of at least ${elements + values} elements; the limit is ${limits.maxElements}`)
    }
    open[depth++] = values
    return false
  }

  /** Counts a finished value off its container, and that off its own; true when none stays open. */
  function closeValue(): boolean {
    while (depth > 0) {
      const left = (open[depth - 1] ?? 0) - 1
      open[depth - 1] = left
      if (left > 0) return false
      depth--
    }
    return true
  }

  function emit(): void {
    const total = nHeld + at - start
    if (total > limits.maxBytes) return tooLarge(`a value of ${total} bytes; the limit is ${limits.maxBytes}`)
    if (nHeld === 0) {
      found.push(chunk.subarray(start, at))
      return
    }
    hold()
    found.push(held.subarray(0, nHeld))
  }

  /** Keeps the start of a value that the chunk does not end. */
  function keep(): void {
    const total = nHeld + at - start
    if (total > limits.maxBytes) tooLarge(`a value of at least ${total} bytes; the limit is ${limits.maxBytes}`)
    else hold()
  }

  /** Room doubles, so that many small chunks cost what one large one does. */
  function hold(): void {
    const total = nHeld + at - start
    if (total > held.length) {
      const larger = new Uint8Array(Math.max(FIRST_HOLD_BYTES, total, Math.min(held.length * 2, limits.maxBytes)))
      larger.set(held.subarray(0, nHeld))
      held = larger
    }
    if (at - start === 1) held[nHeld] = chunk[start] ?? 0
    else held.set(chunk.subarray(start, at), nHeld)
    nHeld = total
  }

  function reset(): void {
    depth = elements = skip = lengthLeft = 0
    inside = discarding = false
    dropHeld()
  }

  /** A frame handed out is a view of the buffer, so the next value starts a new one. */
  function dropHeld(): void {
    if (nHeld === 0) return
    held = NOTHING
    nHeld = 0
  }

  function tooLarge(message: string): void {
    if (discarding) return
    found.push({ kind: 'too_large', message, head: head(), fatal: false })
    discarding = true
    dropHeld()
  }

  function fatal(kind: FrameFault['kind'], message: string): false {
    found.push({ kind, message, head: discarding ? NOTHING : head(), fatal: true })
    dead = true
    inside = false
    at = chunk.length
    dropHeld()
    return false
  }

  function head(): Uint8Array {
    const fromHeld = Math.min(nHeld, HEAD_BYTES)
    const fromChunk = Math.min(at - start, HEAD_BYTES - fromHeld)
    const bytes = new Uint8Array(fromHeld + fromChunk)
    bytes.set(held.subarray(0, fromHeld))
    bytes.set(chunk.subarray(start, start + fromChunk), fromHeld)
    return bytes
  }
}

/** The class of each first byte, per the MessagePack specification's table of formats. */
function tokenClasses(): Uint8Array {
  const classes = new Uint8Array(256)
  classes.fill(FIX_MAP, 0x80, 0x90)
  classes.fill(FIX_ARRAY, 0x90, 0xa0)
  classes.fill(FIX_STRING, 0xa0, 0xc0)
  classes[0xc1] = RESERVED
  classes.set([STRING_1, STRING_2, STRING_4], 0xc4)
  classes.fill(EXTENSION, 0xc7, 0xca)
  classes.set([4, 8, 1, 2, 4, 8, 1, 2, 4, 8], 0xca)
  classes.fill(EXTENSION, 0xd4, 0xd9)
  classes.set([STRING_1, STRING_2, STRING_4, ARRAY_2, ARRAY_4, MAP_2, MAP_4], 0xd9)
  return classes
}
