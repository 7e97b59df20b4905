import { useEffect, useState } from 'preact/hooks'
import { timeZone } from '../format/dateTime.ts'

/** What the address of the page says: the filters, and what is open. Everything else follows from it. */
export type Name =
  | 'range'
  | 'site'
  | 'reason'
  | 'evidence'
  | 'subject'
  | 'session'
  | 'from'
  | 'to'
  | 'cursor'
  | 'row'
export type Changes = Readonly<Partial<Record<Name, string | null>>>

export const ranges = {
  '24h': { label: '24 hours', days: 1 },
  '7d': { label: '7 days', days: 7 },
  '30d': { label: '30 days', days: 30 },
  '90d': { label: '90 days', days: 90 },
  '1y': { label: '1 year', days: 365 },
  '5y': { label: '5 years', days: 5 * 365 },
} as const
const dayMs = 86_400_000

export type Range = keyof typeof ranges

/** What made an entry of the browser's history: a page that was turned and a detail are undone by going back. */
type Step = 'filter' | 'page' | 'detail'

export interface View {
  readonly get: (name: Name) => string
  /** The address with some changes. */
  readonly href: (changes: Changes) => string
  /** Makes an entry in the history, or changes the one on hand. */
  readonly go: (changes: Changes, how?: Step | 'replace') => void
  /** What a link there needs: followed with a key held down it opens a tab or a window, as any other does. */
  readonly link: (
    changes: Changes,
    how?: Step,
  ) => { readonly href: string; readonly onClick: (event: MouseEvent) => void }
  /** What made the entry on hand; null where another page did, or the reader's own typing. */
  readonly step: Step | null
  /** `custom` where the address names its own times. */
  readonly range: Range | 'custom'
}

/** The address of the page, and the way to change it. */
export function useView(): View {
  const [{ search, step }, setPlace] = useState(readPlace)
  useEffect(() => {
    const read = () => setPlace(readPlace())
    addEventListener('popstate', read)
    return () => removeEventListener('popstate', read)
  }, [])
  const parameters = new URLSearchParams(search)
  const get = (name: Name) => parameters.get(name) ?? ''
  const href = (changes: Changes) => {
    const changed = new URLSearchParams(search)
    for (const [name, value] of Object.entries(changes)) {
      if (value) changed.set(name, value)
      else changed.delete(name)
    }
    const text = changed.toString()
    return text ? `?${text}` : location.pathname
  }
  const go: View['go'] = (changes, how = 'filter') => {
    if (how === 'replace') history.replaceState(null, '', href(changes))
    else history.pushState({ step: how }, '', href(changes))
    setPlace(readPlace())
  }
  const named = get('range')
  return {
    get,
    href,
    go,
    link: (changes, how) => ({
      href: href(changes),
      onClick(event) {
        if (!isPlainClick(event)) return
        event.preventDefault()
        go(changes, how)
      },
    }),
    step,
    range: get('from') || get('to') ? 'custom' : isRange(named) ? named : '30d',
  }
}

/** Every object has a `constructor`, a `__proto__` and so on, which are no ranges. */
const isRange = (name: string): name is Range => Object.hasOwn(ranges, name)

/** Whether a click asks for no more than to go there: with a key held down, it is the browser's. */
export const isPlainClick = ({ ctrlKey, metaKey, shiftKey, altKey }: MouseEvent) =>
  !(ctrlKey || metaKey || shiftKey || altKey)

function readPlace() {
  // Nothing but `go` writes the state of an entry.
  const state = history.state as { readonly step: Step } | null
  return { search: location.search, step: state?.step ?? null }
}

const filterNames = ['site', 'reason', 'evidence', 'subject', 'session'] as const

/** All that narrows down the rows, taken away. */
export const unfiltered = {
  site: null,
  reason: null,
  evidence: null,
  subject: null,
  session: null,
  from: null,
  to: null,
} as const satisfies Changes

/** The filters as a query of the API. `now` is epoch milliseconds: a range ends there. */
export function filterQuery({ get, range }: View, now: number): URLSearchParams {
  const query = new URLSearchParams()
  for (const name of filterNames) if (get(name)) query.set(name, get(name))
  if (range === 'custom') {
    if (get('from')) query.set('from', get('from'))
    if (get('to')) query.set('to', get('to'))
  } else {
    query.set('from', new Date(now - ranges[range].days * dayMs).toISOString())
  }
  return query
}

/** The filters as a query of the summary: in hours up to about a week, else in days, and of no more than five years. */
export function summaryQuery(filters: URLSearchParams, now: number): URLSearchParams {
  const query = new URLSearchParams(filters)
  const to = Date.parse(filters.get('to') ?? '') || now
  const earliest = to - ranges['5y'].days * dayMs
  // Five years before the first time that there is, there is none.
  const from = Math.max(Date.parse(filters.get('from') ?? '') || 0, earliest, 0)
  query.set('from', new Date(from).toISOString())
  query.set('bucket', to - from <= 8 * dayMs ? 'hour' : 'day')
  query.set('timeZone', timeZone)
  return query
}
