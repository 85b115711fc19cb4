/**
 * The globs of `project.include`: `*` and `?` within a name, `**` for any number of directories. They count from the
 * project root, and one that names a directory takes all that lies beneath. Pure.
 */

export type IncludeGlobs = {
  /** Whether the path, or a directory that holds it, is included. */
  includes(path: string): boolean
  /** Whether anything beneath the directory may be included: a walk need not enter it otherwise. */
  mayHold(directory: string): boolean
}

type Segment = RegExp | '**'

export function compileGlobs(globs: readonly string[]): IncludeGlobs {
  const compiled = globs.map((glob) => glob.split('/').filter((name) => name !== '' && name !== '.').map(compileSegment))
  return {
    includes: (path) => compiled.some((segments) => reach(segments, path.split('/')) === 'all'),
    mayHold: (directory) => compiled.some((segments) => reach(segments, directory.split('/')) !== 'none'),
  }
}

/** `all`: the names or a prefix of them match the whole glob. `some`: longer names may. */
function reach(segments: readonly Segment[], names: readonly string[]): 'all' | 'some' | 'none' {
  const [segment, ...rest] = segments
  if (segment === undefined) return 'all'
  const [name, ...deeper] = names
  if (segment === '**') {
    const here = reach(rest, names)
    if (here === 'all' || rest.length === 0) return 'all'
    return name === undefined || reach(segments, deeper) !== 'all' ? 'some' : 'all'
  }
  if (name === undefined) return 'some'
  return segment.test(name) ? reach(rest, deeper) : 'none'
}

function compileSegment(segment: string): Segment {
  if (segment === '**') return '**'
  const source = segment.replaceAll(/[.+^${}()|[\]\\]/g, String.raw`\$&`).replaceAll('*', '[^/]*').replaceAll('?', '[^/]')
  return new RegExp(`^${source}$`, 'u')
}
