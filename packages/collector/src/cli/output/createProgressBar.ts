import { SingleBar } from 'cli-progress'

/** Creates a progress bar. It is drawn on a terminal only, and removed when it stops. */
export function createProgressBar(format: string): SingleBar {
  return new SingleBar({ format: `{bar} {percentage} % | ${format}`, clearOnComplete: true })
}
