/** Formats a duration in words: "15 seconds", "1 minute", "30 minutes". */
export function formatDuration(seconds: number): string {
  const [count, unit] = seconds % 60 === 0 ? [seconds / 60, 'minute'] : [seconds, 'second']
  return count.toLocaleString('en', { style: 'unit', unit, unitDisplay: 'long' })
}
