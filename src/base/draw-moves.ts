/** A machine whose moves have no conditions, as a Mermaid state diagram: the drawings in the documents are made from what runs. */

/** One line per move in the order of the states; `meaning` says what an event is. */
export function drawMoves(states: Readonly<Record<string, { readonly on?: unknown }>> | undefined, initial: string, meaning: Readonly<Record<string, string>>): string {
  const moves = Object.entries(states ?? {}).flatMap(([from, { on }]) =>
    Object.entries((on ?? {}) as Readonly<Record<string, string>>).map(([event, target]) => `    ${from} --> ${target} : ${meaning[event] ?? event}`))
  return ['stateDiagram-v2', `    [*] --> ${initial}`, ...moves].join('\n')
}
