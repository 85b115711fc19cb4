import fc from 'fast-check'
import { expect, test } from 'vitest'
import { unite } from '../../../src/event/query/order.ts'

const seed = process.env['FC_SEED'] === undefined ? {} : { seed: Number(process.env['FC_SEED']) }

test.each([20, 4000])('lists that share no row are united into one that rises, %d rows', (maxLength) => {
  const rows = fc.uniqueArray(fc.record({ row: fc.integer({ min: 0, max: 65_535 }), list: fc.nat({ max: 3 }) }), { selector: ({ row }) => row, minLength: maxLength / 2, maxLength, size: 'max' })
  fc.assert(
    fc.property(rows, (rows) => {
      const lists = [0, 1, 2, 3].map((n) => Uint16Array.from(rows.filter(({ list }) => list === n).map(({ row }) => row)).sort())
      expect([...unite(lists)]).toEqual(rows.map(({ row }) => row).sort((a, b) => a - b))
    }),
    { numRuns: 20, ...seed },
  )
})
