import { useState } from 'preact/hooks'
import type { Route } from '../state/route.ts'

interface Zoom {
  readonly before: Readonly<Record<'range' | 'from' | 'to', string>>
  readonly from: string
  readonly to: string
}

/** Changes the period of the page, and remembers the one before for as long as nothing else has changed it. */
export function useZoom(route: Route) {
  const [zooms, setZooms] = useState<readonly Zoom[]>([])
  const last = zooms.at(-1)
  const isZoomed = last?.from === route.get('from') && last.to === route.get('to')
  const readPeriod = () => ({ range: route.get('range'), from: route.get('from'), to: route.get('to') })
  return {
    /** Times are epoch milliseconds. */
    zoomIn(fromMs: number, toMs: number) {
      const from = new Date(fromMs).toISOString()
      const to = new Date(toMs).toISOString()
      setZooms([...(isZoomed ? zooms : []), { before: readPeriod(), from, to }])
      route.navigate({ from, to, range: null, cursor: null })
    },
    /** Null if there is nothing to go back to. */
    zoomOut:
      last && isZoomed
        ? () => {
            setZooms(zooms.slice(0, -1))
            route.navigate({ ...last.before, cursor: null })
          }
        : null,
  }
}
