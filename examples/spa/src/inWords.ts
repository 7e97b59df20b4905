/** "15 seconds", "1 minute", "30 minutes". */
export function inWords(durationSeconds: number): string {
  const [count, unit] =
    durationSeconds % 60 === 0 ? [durationSeconds / 60, 'minute'] : [durationSeconds, 'second']
  return count.toLocaleString('en', { style: 'unit', unit, unitDisplay: 'long' })
}
