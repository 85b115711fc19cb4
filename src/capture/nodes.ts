/**
 * The nodes that are or were connected since the thread started: what each said of itself, the code it runs, what came of it.
 * Bounded: those that left longest ago are forgotten first.
 */

import type { Hello, LoadedModule } from './hello.ts'

export type KnownNode = {
  readonly hello: Hello
  isConnected: boolean
  plan: string | null
  /** The plan as it was sent last, as JSON. */
  toldPlan: string | null
  planned: unknown
  nBatches: number
  nEvents: number
  nGaps: number
  /** By name: the code that runs, as the agent reported it last. */
  readonly modules: Map<string, LoadedModule>
}

export type Nodes = {
  connected(hello: Hello): void
  ended(hello: Hello): void
  learn(hello: Hello, modules: readonly LoadedModule[]): void
  find(hello: Hello): KnownNode | undefined
  /** The code that a node of this name and start runs. */
  moduleOn(node: string, startNs: bigint, module: string): LoadedModule | undefined
  all(): readonly KnownNode[]
}

const MAX_GONE = 256

export function createNodes(): Nodes {
  /** By session, the one that was heard of last at the end. */
  const bySession = new Map<string, KnownNode>()
  const byName = new Map<string, KnownNode>()
  const forget = (): void => {
    const gone = [...bySession].filter(([, { isConnected }]) => !isConnected)
    for (const [session, { hello }] of gone.slice(0, Math.max(0, gone.length - MAX_GONE))) {
      bySession.delete(session)
      byName.delete(nameOf(hello.node, hello.nodeStartNs))
    }
  }
  return {
    connected: (hello) => {
      const known = bySession.get(hello.session) ?? { hello, isConnected: true, plan: null, toldPlan: null, planned: null, nBatches: 0, nEvents: 0, nGaps: 0, modules: new Map() }
      known.isConnected = true
      bySession.delete(hello.session)
      bySession.set(hello.session, known)
      byName.set(nameOf(hello.node, hello.nodeStartNs), known)
      forget()
    },
    ended: ({ session }) => {
      const known = bySession.get(session)
      if (known !== undefined) known.isConnected = false
    },
    learn: ({ session }, modules) => {
      for (const loaded of modules) bySession.get(session)?.modules.set(loaded.module, loaded)
    },
    find: ({ session }) => bySession.get(session),
    moduleOn: (node, startNs, module) => byName.get(nameOf(node, startNs))?.modules.get(module),
    all: () => [...bySession.values()],
  }
}

function nameOf(node: string, startNs: bigint): string {
  return `${node} ${startNs}`
}
