import { useEffect, useState } from 'preact/hooks'
import { readCollectorTime } from '../api/collectorClock.ts'

/** Returns the collector's current time, in epoch milliseconds, and renders again at this interval. */
export function useClock(intervalMs: number): number {
  const [, setTick] = useState(0)
  useEffect(() => {
    const timer = setInterval(() => setTick((last) => last + 1), intervalMs)
    return () => clearInterval(timer)
  }, [intervalMs])
  return readCollectorTime()
}
