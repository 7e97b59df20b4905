import { useEffect, useRef } from 'preact/hooks'
import uPlot from 'uplot'
import { buildChartOptions, type ChartData, type ChartHandlers, stackCounts } from './chartOptions.ts'

interface Props extends ChartData, ChartHandlers {
  readonly label: string
}

/** How many bars an arrow key moves the cursor. */
const cursorSteps = new Map([
  ['ArrowLeft', -1],
  ['ArrowRight', 1],
])

/** A stacked bar chart. The pointer and the arrow keys select a bar; dragging selects a period. */
export function StackedBarChart({
  buckets,
  bucketUnit,
  reasons,
  onSelectBucket,
  onSelectPeriod,
  label,
}: Props) {
  const container = useRef<HTMLDivElement>(null)
  const chart = useRef<uPlot | null>(null)
  // The chart is drawn once but must call the handlers of the latest render, which know the current filters.
  const handlers = useRef<ChartHandlers>({ onSelectBucket, onSelectPeriod })
  handlers.current = { onSelectBucket, onSelectPeriod }

  useEffect(() => {
    const element = container.current
    if (!element) return
    const draw = () => {
      chart.current?.destroy()
      const options = buildChartOptions(element, { buckets, bucketUnit, reasons }, handlers)
      chart.current = new uPlot(options, stackCounts(buckets, reasons), element)
    }
    draw()
    const resizeObserver = new ResizeObserver(() =>
      chart.current?.setSize({ width: element.clientWidth, height: element.clientHeight }),
    )
    resizeObserver.observe(element)
    // The canvas does not follow the style sheet's colors, so draw it again when they change.
    const darkMode = matchMedia('(prefers-color-scheme: dark)')
    darkMode.addEventListener('change', draw)
    return () => {
      resizeObserver.disconnect()
      darkMode.removeEventListener('change', draw)
      chart.current?.destroy()
      chart.current = null
    }
  }, [buckets.length, JSON.stringify([buckets, bucketUnit, reasons])])

  const moveCursor = (event: KeyboardEvent) => {
    const plot = chart.current
    const step = cursorSteps.get(event.key)
    if (!plot || step === undefined) return
    event.preventDefault()
    const from = plot.cursor.idx ?? (step > 0 ? -1 : buckets.length)
    const index = Math.min(Math.max(from + step, 0), buckets.length - 1)
    const [times] = plot.data
    plot.setCursor({ left: plot.valToPos((times[index] ?? 0) + 1, 'x'), top: 1 })
  }

  return (
    <div
      class="chart"
      ref={container}
      role="img"
      aria-label={label}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: the arrow keys move between the bars.
      tabIndex={0}
      onKeyDown={moveCursor}
      onBlur={() => chart.current?.setCursor({ left: -1, top: -1 })}
    />
  )
}
