/** The version of this package, from the package.json above this file: in a checkout and in an installed package. */

import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

export function packageVersion(): string {
  let directory = import.meta.dirname
  while (!existsSync(join(directory, 'package.json')) && dirname(directory) !== directory) directory = dirname(directory)
  const { version } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as { version: string }
  return version
}
