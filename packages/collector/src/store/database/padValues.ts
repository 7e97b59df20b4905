/**
 * Repeats the last value until there are 1, 2, 4, 8, … values. A connection prepares a statement for each number of
 * values, so a condition `in (…)` on padded values has few different statements.
 */
export function padValues<T>(values: readonly T[]): T[] {
  const padded = [...values]
  const [last] = values.slice(-1)
  if (last === undefined) return padded
  while (padded.length & (padded.length - 1)) padded.push(last)
  return padded
}
