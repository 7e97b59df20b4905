/**
 * The largest number of rows that one statement may write, out of those that wait: a power of two, or one and a half
 * times one. So a connection prepares 16 statements at most, and at least three quarters of what waits go along.
 */
export function batchSize(waiting: number): number {
  const power = 2 ** Math.floor(Math.log2(Math.max(waiting, 1)))
  return power > 1 && waiting >= power * 1.5 ? power * 1.5 : power
}
