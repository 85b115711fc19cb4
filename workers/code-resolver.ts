/** What the event store asks about a site, answered from the repository as it is now and from what nodes said of their code. */

import type { Hello, LoadedModule } from '../src/capture/hello.ts'
import type { Nodes } from '../src/capture/nodes.ts'
import type { Resolve } from '../src/event/writer.ts'
import type { Reader } from '../src/store/contract.ts'

export type CodeResolver = {
  readonly resolve: Resolve
  /** The node runs other code from now on. */
  learnt(hello: Hello, modules: readonly LoadedModule[]): void
}

export function createCodeResolver(reader: Reader, nodes: Nodes): CodeResolver {
  void reader
  void nodes
  return { resolve: () => ({ nodeId: null, evidence: 'none' }), learnt: () => undefined }
}
