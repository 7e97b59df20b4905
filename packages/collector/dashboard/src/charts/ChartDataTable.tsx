import type { Bucket, Summary } from '../api/types.ts'
import { type reasons as allReasons, reasonLabels } from '../format/labels.ts'
import { formatCount } from '../format/numbers.ts'

interface Props {
  readonly buckets: readonly Bucket[]
  readonly bucketUnit: Summary['bucket']
  readonly reasons: typeof allReasons
  readonly previousCounts: readonly number[] | null
  readonly formatStart: (time: string) => string
  readonly zoomIn: (index: number) => void
}

const unitLabels = { hour: 'Hour', day: 'Day', week: 'Week of', month: 'Month' } as const

/** Shows the chart's numbers, for exact values and for screen readers. Its links zoom in, like a click on a bar. */
export function ChartDataTable(props: Props) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable area must be reachable by keyboard.
    <section id="chart-data" class="scroll-area" tabIndex={0} aria-label="Chart data">
      <DataTable {...props} />
    </section>
  )
}

function DataTable({ buckets, bucketUnit, reasons, previousCounts, formatStart, zoomIn }: Props) {
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">{unitLabels[bucketUnit]}</th>
          {reasons.map((reason) => (
            <th key={reason} scope="col" class="number">
              {reasonLabels[reason]}
            </th>
          ))}
          {previousCounts && (
            <th scope="col" class="number">
              Before, in all
            </th>
          )}
        </tr>
      </thead>
      <tbody>
        {buckets.map(({ start, counts }, index) => (
          <tr key={start}>
            <th scope="row">
              <button type="button" class="link-button" title="Zoom in" onClick={() => zoomIn(index)}>
                {formatStart(start)}
              </button>
            </th>
            {reasons.map((reason) => (
              <td key={reason} class="number">
                {formatCount(counts[reason] ?? 0)}
              </td>
            ))}
            {previousCounts && <td class="number">{formatCount(previousCounts[index] ?? 0)}</td>}
          </tr>
        ))}
      </tbody>
    </table>
  )
}
