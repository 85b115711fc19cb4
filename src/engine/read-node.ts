/** Reading one syntax node by its id: kind, place, text, quoted form, and the ids around it. */

import { childIdsOf, indexNodes, labelOf, parentIdOf, readFor, resolveNode, type NodeIndex } from '../analysis/node-ids.ts'
import { failure, type Failure } from '../base/failure.ts'
import { fail, ok, type Result } from '../base/result.ts'
import { parseNodeId, type NodeRoot } from '../model/node-id.ts'
import type { FunctionRow, ModuleRecord, Snapshot } from '../store/contract.ts'
import { print } from '../syntax/print.ts'
import { quoted } from '../syntax/quoted.ts'
import { kindName, lineColumn, text, type Tree } from '../syntax/tree.ts'
import type { ReadArgs, Reply } from '../wire/methods.ts'
import { answer } from './answer.ts'
import { cutList, cutText } from './cut.ts'
import { findFunction, findModule } from './find.ts'
import { freshness, type ReadContext } from './read-context.ts'

/** Children listed with their node. */
const LISTED_CHILDREN = 500

export function getAstNode(context: ReadContext, args: ReadArgs<'get_ast_node'>): Result<Reply<'get_ast_node'>, Failure> {
  const id = parseNodeId(args.node_id)
  if (id === undefined) return fail(notAnId(args.node_id))
  const module = moduleOf(context.snapshot, id.root)
  if (!module.ok) return module
  const { path } = module.value
  const tree = path === null ? undefined : context.treeOf(path)
  if (path === null || tree === undefined) {
    return fail(failure('not_found', `${module.value.key} was stored without source text`, { hint: 'nodes exist for modules from files' }))
  }
  const canonical = canonicalId(context.snapshot, id.root, args.node_id)
  const index = readFor(indexNodes(tree), canonical)
  const node = resolveNode(index, canonical, module.value.facts.span.start)
  if (node === undefined) {
    return fail(failure('not_found', `no node ${args.node_id}`, { hint: 'the ids below a function are the children_ids of its clauses, e.g. MyApp.Cart.add/2#1' }))
  }
  return ok(answer(nodeRecord(index, path, node, args), freshness(context)))
}

function nodeRecord(index: NodeIndex, path: string, node: number, args: ReadArgs<'get_ast_node'>): Reply<'get_ast_node'>['value'] {
  const { tree } = index
  const source = cutText(text(tree, node), args.text_limit)
  const form = cutText(print(quoted(tree, node)), args.text_limit)
  const children = cutList(childIdsOf(index, node), LISTED_CHILDREN)
  return {
    node_id: args.node_id, kind: kindName(tree.kind[node] ?? 0), label: labelOf(index, node) ?? '',
    source_file: path, location: spanOf(tree, node), text: source.text, cut_at: source.cut_at, quoted: form.text,
    parent_id: parentIdOf(index, node) ?? null, children_ids: [...children.items], children_cut_at: children.cutAt,
  }
}

function spanOf(tree: Tree, node: number): Reply<'get_ast_node'>['value']['location'] {
  const start = tree.start[node] ?? 0
  const end = tree.end[node] ?? 0
  const from = lineColumn(tree, start)
  const to = lineColumn(tree, end)
  return { line: from.line, column: from.column, end_line: to.line, end_column: to.column, start, end }
}

function moduleOf(snapshot: Snapshot, root: NodeRoot): Result<ModuleRecord, Failure> {
  if (root.kind === 'body') return findModule(snapshot, root.module)
  const found = findFunction(snapshot, root.mfa)
  return found.ok ? findModule(snapshot, found.value.moduleKey) : found
}

/** An id with an arity that defaults generate means the function as it is defined. */
function canonicalId(snapshot: Snapshot, root: NodeRoot, id: string): string {
  if (root.kind === 'body') return id
  const found = snapshot.findFunction(root.mfa)
  if (found === undefined || found.arity === root.mfa.arity) return id
  return withArity(id, root.mfa.arity, found)
}

function withArity(id: string, asked: number, found: FunctionRow): string {
  const hash = id.indexOf('#')
  const head = hash < 0 ? id : id.slice(0, hash)
  return `${head.slice(0, head.length - String(asked).length)}${found.arity}${id.slice(head.length)}`
}

function notAnId(text: string): Failure {
  return failure('invalid_argument', `node_id: ${JSON.stringify(text)} is no node id`, {
    hint: 'a function (MyApp.Cart.add/2), a clause of it (…#1), or a node below (…#1/case/clause:2)',
  })
}
