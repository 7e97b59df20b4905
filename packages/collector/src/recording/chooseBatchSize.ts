/**
 * Chooses how many of the waiting rows the next statement inserts: the largest power of two, or one and a half times a
 * power of two. A connection then prepares at most 16 different statements, and each inserts more than two thirds of
 * the waiting rows.
 */
export function chooseBatchSize(waiting: number): number {
  const power = 2 ** Math.floor(Math.log2(Math.max(waiting, 1)))
  return power > 1 && waiting >= power * 1.5 ? power * 1.5 : power
}
