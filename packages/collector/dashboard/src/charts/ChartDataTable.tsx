import { useState } from 'preact/hooks'
import type { Bucket, Summary } from '../api/types.ts'
import { type reasons as allReasons, reasonLabels } from '../format/labels.ts'
import { formatCount } from '../format/numbers.ts'

interface Props {
  readonly buckets: readonly Bucket[]
  readonly bucketUnit: Summary['bucket']
  readonly reasons: typeof allReasons
  readonly formatStart: (time: string) => string
}

/** Shows the chart's numbers, for exact values and for screen readers. */
export function ChartDataTable({ buckets, bucketUnit, reasons, formatStart }: Props) {
  const [isOpen, setOpen] = useState(false)
  return (
    <details onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>Show as table</summary>
      {isOpen && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable area must be reachable by keyboard.
        <section class="scroll-area" tabIndex={0} aria-label="Chart data">
          <table>
            <thead>
              <tr>
                <th scope="col">{bucketUnit === 'hour' ? 'Hour' : 'Day'}</th>
                {reasons.map((reason) => (
                  <th key={reason} scope="col" class="number">
                    {reasonLabels[reason]}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {buckets.map(({ start, counts }) => (
                <tr key={start}>
                  <th scope="row">{formatStart(start)}</th>
                  {reasons.map((reason) => (
                    <td key={reason} class="number">
                      {formatCount(counts[reason] ?? 0)}
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
