import { useState } from 'preact/hooks'
import type { Summary } from '../api/fetchJson.ts'
import type { Answer } from '../api/useQuery.ts'
import { NoAnswer, ProblemNote } from '../components/ErrorNotice.tsx'
import { asCount, asDate, asPercent, asShortDateTime, timeZone } from '../format/dateTime.ts'
import { reasonNames, reasons } from '../format/labels.ts'
import type { View } from '../state/route.ts'
import { fillBuckets } from './fillBuckets.ts'
import { Chart } from './StackedBarChart.tsx'

interface Props {
  readonly summary: Answer<Summary>
  readonly view: View
  readonly retry: () => void
}

/** The ended sessions over time, by reason. */
export function Over({ summary: { data, problem, isLoading }, view, retry }: Props) {
  const [pointed, point] = useState<number | null>(null)
  const buckets = data ? fillBuckets(data) : []
  const shown = pointed === null ? buckets : buckets.slice(pointed, pointed + 1)
  const asStart = data?.bucket === 'hour' ? asShortDateTime : asDate
  const sum = (of: typeof buckets, reason: (typeof reasons)[number]) =>
    of.reduce((total, { counts }) => total + (counts[reason] ?? 0), 0)
  const present = reasons.filter((reason) => sum(buckets, reason) > 0)
  const total = present.reduce((all, reason) => all + sum(shown, reason), 0)
  const [start] = shown

  return (
    <section class="card over" aria-labelledby="over-title" aria-busy={isLoading}>
      <div class="card-head">
        <h2 id="over-title">Ended sessions</h2>
        <p class="quiet">
          {pointed !== null && start ? asStart(start.start) : `by ${data?.bucket ?? 'day'}, ${timeZone}`}
        </p>
      </div>
      {problem && <ProblemNote problem={problem} retry={retry} />}
      {!problem && !data && <NoAnswer isLoading={isLoading} />}
      {data && (
        <>
          <p class="figure">
            <strong>{asCount(total)}</strong> {total === 1 ? 'session' : 'sessions'}
          </p>
          <ul class="legend">
            {present.map((reason) => {
              const isChosen = view.get('reason') === reason
              const count = sum(shown, reason)
              return (
                <li key={reason}>
                  <a
                    {...view.link({ reason: isChosen ? null : reason, cursor: null })}
                    aria-current={isChosen}
                  >
                    <span class={`dot ${reason}`} />
                    {reasonNames[reason]} <b>{asCount(count)}</b>
                    <span class="quiet">{total > 0 && asPercent(count / total)}</span>
                  </a>
                </li>
              )
            })}
          </ul>
          {present.length === 0 ? (
            <p class="empty">No session ended in this time.</p>
          ) : (
            <>
              <Chart
                buckets={buckets}
                unit={data.bucket}
                reasons={present}
                point={point}
                label={`Sessions by ${data.bucket} and reason. The figures are in the table below.`}
                zoom={(from, to) =>
                  view.go({
                    from: new Date(from).toISOString(),
                    to: new Date(to).toISOString(),
                    range: null,
                    cursor: null,
                  })
                }
              />
              <Figures buckets={buckets} present={present} asStart={asStart} unit={data.bucket} />
            </>
          )}
        </>
      )}
    </section>
  )
}

interface FiguresProps {
  readonly buckets: ReturnType<typeof fillBuckets>
  readonly present: typeof reasons
  readonly asStart: (time: string) => string
  readonly unit: Summary['bucket']
}

/** The chart for those who cannot see it, or want to know exactly. */
function Figures({ buckets, present, asStart, unit }: FiguresProps) {
  const [isOpen, setOpen] = useState(false)
  return (
    <details onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>As a table</summary>
      {isOpen && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard.
        <section class="scroll" tabIndex={0} aria-label="Figures of the chart">
          <table>
            <thead>
              <tr>
                <th scope="col">{unit === 'hour' ? 'Hour' : 'Day'}</th>
                {present.map((reason) => (
                  <th key={reason} scope="col" class="number">
                    {reasonNames[reason]}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {buckets.map(({ start, counts }) => (
                <tr key={start}>
                  <th scope="row">{asStart(start)}</th>
                  {present.map((reason) => (
                    <td key={reason} class="number">
                      {asCount(counts[reason] ?? 0)}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
    </details>
  )
}
