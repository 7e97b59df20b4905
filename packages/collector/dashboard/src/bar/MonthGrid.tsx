import { useState } from 'preact/hooks'
import { formatMonth, formatMonthName, formatYear } from '../format/dateTime.ts'
import { startOfMonth, startOfYear, type Zone } from '../state/calendar.ts'

interface Props {
  readonly zone: Zone
  /** Is called with the bounds of the month, in epoch milliseconds. */
  readonly choose: (from: number, to: number) => void
}

const monthsOfYear = Array.from({ length: 12 }, (_, index) => index)

/** Chooses a whole month with one click. */
export function MonthGrid({ zone, choose }: Props) {
  const now = Date.now()
  const [yearsLater, setYearsLater] = useState(0)
  const year = startOfYear(now, zone, yearsLater)
  const yearName = formatYear(new Date(year).toISOString())
  return (
    <section class="month-grid" aria-label="Month">
      <header>
        <button type="button" aria-label="Previous year" onClick={() => setYearsLater(yearsLater - 1)}>
          ‹
        </button>
        <b aria-live="polite">{yearName}</b>
        <button
          type="button"
          aria-label="Next year"
          aria-disabled={yearsLater === 0}
          onClick={() => setYearsLater(Math.min(yearsLater + 1, 0))}
        >
          ›
        </button>
      </header>
      <div class="months">
        {monthsOfYear.map((month) => {
          const from = startOfMonth(year, zone, month)
          const start = new Date(from).toISOString()
          return (
            <button
              key={month}
              type="button"
              disabled={from > now}
              aria-label={formatMonth(start)}
              onClick={() => choose(from, startOfMonth(from, zone, 1))}
            >
              {formatMonthName(start)}
            </button>
          )
        })}
      </div>
    </section>
  )
}
