/** Times as clients write them. */

/** ns since 1970, of a number of them or of a moment in ISO 8601, with all its digits. */
export function timeNs(time: number | bigint | string): bigint {
  if (typeof time !== 'string') return BigInt(time)
  const fraction = /\.(\d+)/.exec(time)?.[1] ?? ''
  return BigInt(Date.parse(time.replace(/\.\d+/, ''))) * 1_000_000n + BigInt(fraction.padEnd(9, '0').slice(0, 9))
}
