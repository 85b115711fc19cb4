/** The old place of `parse.ts`. */
export { createReader, parse } from './parse.ts'
