/** Which faults a run deals: every cause at every node of the tree, main and the process itself, in an order that a seed gives. */

import { CAUSES } from '../../supervisors/chaos.ts'
import { placesOf, TREE, type Place } from '../../supervisors/placement.ts'
import type { Args } from '../../src/wire/methods.ts'
import type { Random } from '../simulation/random.ts'

type InjectedCause = Args<'chaos.inject'>['cause']
const SIGNALS = ['SIGKILL', 'SIGABRT', 'SIGSEGV'] as const
type Signal = (typeof SIGNALS)[number]

export type Pair =
  /** `rests`: a node that runs only when there is work for it. */
  | { readonly by: 'injection'; readonly node: string; readonly cause: InjectedCause; readonly rests: boolean }
  | { readonly by: 'signal'; readonly node: 'process'; readonly cause: Signal }

/** These last longest, or end everything: each is dealt once while others are dealt so often. */
const SHARE_OF_OTHERS = 3
const RARE: readonly string[] = ['loop', 'heap', 'array']

export const ALL_PAIRS: readonly Pair[] = [
  ...placesOf(TREE).flatMap(pairsOf),
  ...CAUSES.main.map((cause): Pair => ({ by: 'injection', node: 'main', cause, rests: false })),
  ...SIGNALS.map((cause): Pair => ({ by: 'signal', node: 'process', cause })),
]

function pairsOf(place: Place): Pair[] {
  const { name, kind } = place
  const rests = kind !== 'supervisor' && place.restart !== 'permanent'
  return CAUSES[kind].map((cause) => ({ by: 'injection', node: name, cause, rests }))
}

/** Whether the process itself ends by it, or may. */
export function endsProcess({ node, cause }: Pair): boolean {
  return node === 'process' || node === 'main' || node === TREE.name || cause === 'array'
}

export type Dealer = { readonly deal: () => Pair; /** What met nobody comes again when the deck is through. */ readonly again: (pair: Pair) => void }

/** One deck after the other. The first holds every pair once, each further one those that are cheap several times. */
export function dealer(random: Random): Dealer {
  const often = ALL_PAIRS.filter((pair) => !RARE.includes(pair.cause) && !endsProcess(pair))
  const deck = shuffled([...ALL_PAIRS], random)
  const deal = (): Pair => {
    if (deck.length === 0) deck.push(...shuffled([...ALL_PAIRS, ...Array.from({ length: SHARE_OF_OTHERS - 1 }, () => often).flat()], random))
    return deck.pop() as Pair
  }
  return { deal, again: (pair) => void deck.unshift(pair) }
}

function shuffled<T>(items: T[], random: Random): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const other = random.below(i + 1)
    const [a, b] = [items[i] as T, items[other] as T]
    items[i] = b
    items[other] = a
  }
  return items
}
