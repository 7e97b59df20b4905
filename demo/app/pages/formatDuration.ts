const seconds = new Intl.NumberFormat('en', { style: 'unit', unit: 'second', unitDisplay: 'long' })
const minutes = new Intl.NumberFormat('en', { style: 'unit', unit: 'minute', unitDisplay: 'long' })

/** Formats a duration in words: "15 seconds", "1 minute", "30 minutes". */
export function formatDuration(durationSeconds: number): string {
  return durationSeconds % 60 === 0 ? minutes.format(durationSeconds / 60) : seconds.format(durationSeconds)
}
