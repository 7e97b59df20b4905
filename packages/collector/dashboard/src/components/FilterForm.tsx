import { useEffect, useState } from 'preact/hooks'
import { timeZone } from '../format/dateTime.ts'
import { evidenceNames, evidences, reasonNames, reasons } from '../format/labels.ts'
import { type Changes, type Name, type Range, ranges, unfiltered, type View } from '../state/route.ts'

interface Props {
  readonly view: View
  readonly sites: readonly string[]
}

/** What is shown: every choice stands in the address of the page. */
export function Filters({ view, sites }: Props) {
  const choose = (changes: Changes) => view.go({ ...changes, cursor: null })
  const [clears, setClears] = useState(0)
  const clear = () => {
    // A draft that was never a filter goes with its field.
    setClears((last) => last + 1)
    if (Object.keys(unfiltered).some((name) => view.get(name as Name))) choose(unfiltered)
  }

  return (
    <form class="filters" aria-label="Filters" onSubmit={(event) => event.preventDefault()}>
      <fieldset class="ranges">
        <legend class="visually-hidden">Time range</legend>
        {(Object.keys(ranges) as Range[]).map((range) => (
          <button
            key={range}
            type="button"
            aria-pressed={view.range === range}
            onClick={() => choose({ range, from: null, to: null })}
          >
            {ranges[range].label}
          </button>
        ))}
      </fieldset>
      <div class="fields">
        <Choice
          name="site"
          label="Site"
          view={view}
          choose={choose}
          options={sites.map((site) => [site, site])}
        />
        <Choice
          name="reason"
          label="Reason"
          view={view}
          choose={choose}
          options={reasons.map((reason) => [reason, reasonNames[reason]])}
        />
        <Choice
          name="evidence"
          label="Evidence"
          view={view}
          choose={choose}
          options={evidences.map((evidence) => [evidence, evidenceNames[evidence]])}
        />
        <Text name="subject" label="Subject" view={view} choose={choose} />
        <Text name="session" label="Session" view={view} choose={choose} />
        <Time key={`from ${clears}`} name="from" label="From" view={view} choose={choose} />
        <Time key={`to ${clears}`} name="to" label="Before" view={view} choose={choose} />
        <button type="button" class="clear" onClick={clear}>
          Clear
        </button>
      </div>
    </form>
  )
}

interface FieldProps {
  readonly name: Name
  readonly label: string
  readonly view: View
  readonly choose: (changes: Changes) => void
}

function Choice({
  name,
  label,
  view,
  choose,
  options,
}: FieldProps & { readonly options: (readonly [string, string])[] }) {
  const chosen = view.get(name)
  // The address may name a site that is no longer configured: its rows are still there.
  const isKnown = chosen === '' || options.some(([value]) => value === chosen)
  return (
    <label>
      <span>{label}</span>
      <select value={chosen} onChange={({ currentTarget }) => choose({ [name]: currentTarget.value })}>
        <option value="">All</option>
        {!isKnown && <option value={chosen}>{chosen}</option>}
        {options.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </label>
  )
}

function Text({ name, label, view, choose }: FieldProps) {
  const written = view.get(name)
  // What is being typed stays when the page looks for new rows.
  const [draft, setDraft] = useState(written)
  useEffect(() => setDraft(written), [written])
  const commit = (value: string) => value !== written && choose({ [name]: value })
  return (
    <label>
      <span>{label}</span>
      <input
        type="search"
        placeholder="Any"
        spellcheck={false}
        autocomplete="off"
        value={draft}
        onInput={({ currentTarget: { value } }) => {
          setDraft(value)
          // As its cross does, which Chromium tells nobody else of.
          if (value === '') commit('')
        }}
        onChange={({ currentTarget }) => commit(currentTarget.value.trim())}
      />
    </label>
  )
}

function Time({ name, label, view, choose }: FieldProps) {
  const written = view.get(name)
  const shown = written && asLocal(written)
  // While a year is typed, the field has the years 2, 20 and 202 for its value.
  const [draft, setDraft] = useState(shown)
  useEffect(() => setDraft(shown), [shown])
  const commit = ({ value, validity }: HTMLInputElement) => {
    if (value === shown || !validity.valid) return
    choose({ [name]: value ? new Date(value).toISOString() : null, range: null })
  }
  return (
    <label title={written ? `${written} (UTC)` : `In your time zone, ${timeZone}`}>
      <span>{label}</span>
      <input
        type="datetime-local"
        min="1970-01-02T00:00"
        max="9999-12-30T00:00"
        value={draft}
        onInput={({ currentTarget }) => setDraft(currentTarget.value)}
        onBlur={({ currentTarget }) => commit(currentTarget)}
        onKeyDown={({ key, currentTarget }) => key === 'Enter' && commit(currentTarget)}
      />
    </label>
  )
}

/** As a field for a local time wants it: `2026-01-02T13:30`. */
function asLocal(time: string): string {
  const at = new Date(time)
  if (Number.isNaN(at.getTime())) return ''
  const shifted = new Date(at.getTime() - at.getTimezoneOffset() * 60_000)
  // Beside the last time that there is, the local one may be none.
  return Number.isNaN(shifted.getTime()) ? '' : shifted.toISOString().slice(0, 16)
}
