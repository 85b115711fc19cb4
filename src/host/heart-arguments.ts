/**
 * The command line of a daemon as heart hands it on: what heart was given, with heart's own process and the number of new
 * starts added. Apart from daemon-arguments.ts, which validates, because heart loads no validation library.
 */

/** `given` is what `writeDaemonArguments` wrote. A daemon that is started again has nobody else to ask for its import. */
export function argumentsUnderHeart([projectRoot = '', others = '{}']: readonly string[], heart: { readonly pid: number; readonly restarts: number }): string[] {
  const parsed = JSON.parse(others) as Record<string, unknown>
  return [projectRoot, JSON.stringify({ ...parsed, ...(heart.restarts > 0 ? { first_import: 'daemon' } : {}), heart })]
}
