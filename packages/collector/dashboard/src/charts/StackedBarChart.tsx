import { useEffect, useRef } from 'preact/hooks'
import uPlot from 'uplot'
import { buildChartOptions, type ChartData, type ChartHandlers, stackCounts } from './chartOptions.ts'

interface Props extends ChartData, ChartHandlers {
  readonly label: string
  /** Goes back to the period before the last zoom, if there was one. */
  readonly zoomOut: (() => void) | null
}

/** How many bars an arrow key moves the cursor. */
const cursorSteps = new Map([
  ['ArrowLeft', -1],
  ['ArrowRight', 1],
])

/**
 * A stacked bar chart. The pointer and the arrow keys select a bar. A click or Enter zooms in on it, dragging on a period,
 * and Escape zooms out.
 */
export function StackedBarChart({ label, onSelectBucket, onZoom, zoomOut, ...data }: Props) {
  const container = useRef<HTMLDivElement>(null)
  const chart = useRef<uPlot | null>(null)
  // The chart is drawn once but must call the handlers of the latest render, which know the current filters.
  const handlers = useRef<ChartHandlers>({ onSelectBucket, onZoom })
  handlers.current = { onSelectBucket, onZoom }

  useEffect(() => {
    const element = container.current
    if (!element) return
    const draw = () => {
      chart.current?.destroy()
      chart.current = new uPlot(buildChartOptions(element, data, handlers), stackCounts(data), element)
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
  }, [JSON.stringify(data)])

  const moveCursor = (plot: uPlot, step: number) => {
    const lastIndex = data.buckets.length - 1
    const from = findSelectedIndex(plot) ?? (step > 0 ? -1 : lastIndex + 1)
    const index = Math.min(Math.max(from + step, 0), lastIndex)
    const [times] = plot.data
    // A second after the start, because a position is rounded.
    plot.setCursor({ left: plot.valToPos((times[index] ?? 0) + 1, 'x') + 1, top: 1 })
  }
  const handleKey = (event: KeyboardEvent) => {
    const plot = chart.current
    if (!plot) return
    const step = cursorSteps.get(event.key)
    const index = findSelectedIndex(plot)
    if (step !== undefined) moveCursor(plot, step)
    else if (event.key === 'Enter' && index !== null) onZoom(index, index)
    else if (event.key === 'Escape' && zoomOut) zoomOut()
    else return
    event.preventDefault()
  }

  return (
    <div
      class="chart"
      ref={container}
      role="application"
      aria-label={label}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: the arrow keys move between the bars.
      tabIndex={0}
      onKeyDown={handleKey}
      onBlur={() => chart.current?.setCursor({ left: -1, top: -1 })}
    />
  )
}

function findSelectedIndex(plot: uPlot): number | null {
  const { left = -1 } = plot.cursor
  if (left < 0) return null
  const at = plot.posToVal(left, 'x')
  const [times] = plot.data
  return [...times].findLastIndex((time) => time <= at)
}
