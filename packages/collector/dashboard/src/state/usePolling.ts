import { useEffect, useState } from 'preact/hooks'

const pollIntervalMs = 5000

const readCurrentMinute = () => Math.floor(Date.now() / 60_000)

/** Counts the polls while `isPolling`, and says in which minute the last one was. A hidden page does not poll. */
export function usePolling(isPolling: boolean) {
  const [pollCount, setPollCount] = useState(0)
  const [minute, setMinute] = useState(readCurrentMinute)
  useEffect(() => {
    if (!isPolling) return
    const timer = setInterval(() => {
      if (document.hidden) return
      setPollCount((last) => last + 1)
      setMinute(readCurrentMinute())
    }, pollIntervalMs)
    return () => clearInterval(timer)
  }, [isPolling])
  return { pollCount, minute }
}
