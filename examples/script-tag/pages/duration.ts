const seconds = new Intl.NumberFormat('en', { style: 'unit', unit: 'second', unitDisplay: 'long' })
const minutes = new Intl.NumberFormat('en', { style: 'unit', unit: 'minute', unitDisplay: 'long' })

/** "15 seconds", "1 minute", "30 minutes". */
export function inWords(durationSeconds: number): string {
  return durationSeconds % 60 === 0 ? minutes.format(durationSeconds / 60) : seconds.format(durationSeconds)
}
