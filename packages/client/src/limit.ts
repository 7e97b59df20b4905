/** A time limit in words, in the largest unit that divides it evenly, and in a language such as `en` or `de-AT`. */
export function formatLimit(seconds: number, language?: string): string {
  const [count, unit]: [number, string] =
    seconds % 60
      ? [seconds, 'second']
      : seconds % 3600
        ? [seconds / 60, 'minute']
        : seconds % 86_400
          ? [seconds / 3600, 'hour']
          : [seconds / 86_400, 'day']
  return count.toLocaleString(language || undefined, { style: 'unit', unit, unitDisplay: 'long' })
}
