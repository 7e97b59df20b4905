import { useEffect, useState } from 'preact/hooks'
import { getTimeZone } from '../format/dateTime.ts'

interface FieldProps {
  readonly label: string
  /** The current filter, or an empty string. */
  readonly value: string
  readonly applyValue: (value: string) => void
}

interface SelectProps extends FieldProps {
  /** The labels of the options, by their values. */
  readonly options: ReadonlyMap<string, string>
}

export function SelectFilter({ label, value, applyValue, options }: SelectProps) {
  // The URL may name a site that is no longer configured, but whose rows are still stored.
  const isUnknown = value !== '' && !options.has(value)
  return (
    <label>
      <span>{label}</span>
      <select value={value} onChange={({ currentTarget }) => applyValue(currentTarget.value)}>
        <option value="">All</option>
        {isUnknown && <option value={value}>{value}</option>}
        {[...options].map(([optionValue, optionLabel]) => (
          <option key={optionValue} value={optionValue}>
            {optionLabel}
          </option>
        ))}
      </select>
    </label>
  )
}

export function TextFilter({ label, value, applyValue }: FieldProps) {
  // Keeps what is being typed when new data renders the page again.
  const [draft, setDraft] = useState(value)
  useEffect(() => setDraft(value), [value])
  const applyDraft = (text: string) => {
    if (text !== value) applyValue(text)
  }
  return (
    <label>
      <span>{label}</span>
      <input
        type="search"
        placeholder="Any"
        spellcheck={false}
        autocomplete="off"
        value={draft}
        onInput={({ currentTarget }) => {
          setDraft(currentTarget.value)
          // The clear button of a search field fires no change event in Chromium.
          if (currentTarget.value === '') applyDraft('')
        }}
        onChange={({ currentTarget }) => applyDraft(currentTarget.value.trim())}
      />
    </label>
  )
}

export function TimeFilter({ label, value, applyValue }: FieldProps) {
  const localValue = formatLocalInput(value)
  // While the year 2026 is typed, the field's value goes through the years 2, 20 and 202, so do not apply it yet.
  const [draft, setDraft] = useState(localValue)
  useEffect(() => setDraft(localValue), [localValue])
  const applyDraft = (input: HTMLInputElement) => {
    if (input.value === localValue || !input.validity.valid) return
    applyValue(input.value && new Date(input.value).toISOString())
  }
  return (
    <label title={value ? `${value} (UTC)` : `Your time zone: ${getTimeZone()}`}>
      <span>{label}</span>
      <input
        type="datetime-local"
        min="1970-01-02T00:00"
        max="9999-12-30T00:00"
        value={draft}
        onInput={({ currentTarget }) => setDraft(currentTarget.value)}
        onBlur={({ currentTarget }) => applyDraft(currentTarget)}
        onKeyDown={({ key, currentTarget }) => key === 'Enter' && applyDraft(currentTarget)}
      />
    </label>
  )
}

/** Formats a time for a `datetime-local` input: `2026-01-02T13:30`. Returns an empty string for an invalid time. */
function formatLocalInput(time: string): string {
  const at = new Date(time)
  if (Number.isNaN(at.getTime())) return ''
  const shifted = new Date(at.getTime() - at.getTimezoneOffset() * 60_000)
  // The shift may leave the range of dates.
  return Number.isNaN(shifted.getTime()) ? '' : shifted.toISOString().slice(0, 16)
}
