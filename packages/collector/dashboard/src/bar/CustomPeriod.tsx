import type { TargetedSubmitEvent } from 'preact'
import { useId, useState } from 'preact/hooks'
import {
  formatInputEnd,
  formatInputTime,
  type InputTime,
  readInputEnd,
  readInputTime,
} from '../format/inputTime.ts'
import type { Zone } from '../state/calendar.ts'

interface Props {
  /** The current period in epoch milliseconds. */
  readonly period: { readonly from: number | null; readonly to: number | null }
  readonly zone: Zone
  readonly apply: (from: number, to: number | null) => void
}

const noTime: InputTime = { date: '', time: '' }

/** A form for any period. Times are optional, so a period of whole days takes two dates. */
export function CustomPeriod({ period, zone, apply }: Props) {
  const [from, setFrom] = useState(period.from === null ? noTime : formatInputTime(period.from, zone))
  const [to, setTo] = useState(period.to === null ? noTime : formatInputEnd(period.to, zone))
  const [error, setError] = useState<string | null>(null)
  const errorId = useId()
  const submit = (event: TargetedSubmitEvent<HTMLFormElement>) => {
    event.preventDefault()
    const start = readInputTime(from, zone)
    const end = readInputEnd(to, zone)
    if (start === null) setError('Enter the first day.')
    else if (to.date === '' && to.time !== '') setError('Enter the last day.')
    else if (end !== null && end <= start) setError('The end must be later than the start.')
    else apply(start, end)
  }
  return (
    <form class="custom-period" aria-label="Custom period" onSubmit={submit}>
      <PeriodBound label="From" value={from} setValue={setFrom} errorId={error ? errorId : undefined} />
      <PeriodBound label="To" value={to} setValue={setTo} errorId={error ? errorId : undefined} />
      <p class="muted">
        Times are optional{zone === 'utc' ? ', in UTC' : ''}. Without “To”, the period ends now.
      </p>
      {error && (
        <p id={errorId} class="field-error" role="alert">
          {error}
        </p>
      )}
      <button type="submit" class="primary-button">
        Apply
      </button>
    </form>
  )
}

interface BoundProps {
  readonly label: 'From' | 'To'
  readonly value: InputTime
  readonly setValue: (value: InputTime) => void
  readonly errorId: string | undefined
}

function PeriodBound({ label, value, setValue, errorId }: BoundProps) {
  return (
    <div class="period-bound">
      <label>
        <span>{label}</span>
        <input
          type="date"
          min="1970-01-02"
          max="9999-12-30"
          required={label === 'From'}
          aria-describedby={errorId}
          value={value.date}
          onInput={({ currentTarget }) => setValue({ ...value, date: currentTarget.value })}
        />
      </label>
      <input
        type="time"
        aria-label={`${label}, time of day (optional)`}
        value={value.time}
        onInput={({ currentTarget }) => setValue({ ...value, time: currentTarget.value })}
      />
    </div>
  )
}
