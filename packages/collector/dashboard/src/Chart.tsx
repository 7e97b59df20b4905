import { useEffect, useRef } from 'preact/hooks'
import uPlot from 'uplot'
import type { Bucket } from './api.ts'
import { asTick } from './time.ts'
import type { reasons as allReasons } from './words.ts'

interface Props {
  readonly buckets: readonly Bucket[]
  /** Those that have a count, in the order of the stack from its foot. */
  readonly reasons: typeof allReasons
  /** Hears which bucket is pointed at, or nothing. */
  readonly point: (index: number | null) => void
  readonly label: string
  /** Hears of a part that was drawn over: epoch milliseconds. */
  readonly zoom: (from: number, to: number) => void
}

/** Stacked bars. The arrow keys move along them, as the pointer does. */
export function Chart({ buckets, reasons, point, label, zoom }: Props) {
  const place = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | null>(null)
  const latest = useRef({ point, zoom })
  latest.current = { point, zoom }

  useEffect(() => {
    const element = place.current
    if (!element) return
    const draw = () => {
      plot.current?.destroy()
      plot.current = new uPlot(
        optionsFor(element, buckets, reasons, latest.current),
        stacked(buckets, reasons),
        element,
      )
    }
    draw()
    const resized = new ResizeObserver(() =>
      plot.current?.setSize({ width: element.clientWidth, height: element.clientHeight }),
    )
    resized.observe(element)
    // The canvas has its colours from the style sheet, which follows the system's.
    const dark = matchMedia('(prefers-color-scheme: dark)')
    dark.addEventListener('change', draw)
    return () => {
      resized.disconnect()
      dark.removeEventListener('change', draw)
      plot.current?.destroy()
      plot.current = null
    }
  }, [buckets.length, JSON.stringify([buckets, reasons])])

  const move = (event: KeyboardEvent) => {
    const chart = plot.current
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key]
    if (!chart || step === undefined) return
    event.preventDefault()
    const from = chart.cursor.idx ?? (step > 0 ? -1 : buckets.length)
    const index = Math.min(Math.max(from + step, 0), buckets.length - 1)
    const [times] = chart.data
    chart.setCursor({ left: chart.valToPos((times[index] ?? 0) + 1, 'x'), top: 1 })
  }

  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: the arrow keys move along the bars.
    <div class="chart" ref={place} role="img" aria-label={label} tabIndex={0} onKeyDown={move} />
  )
}

/** One row of sums for each reason, each upon the ones before it; the highest comes first, so that all are seen. */
function stacked(buckets: readonly Bucket[], reasons: Props['reasons']): uPlot.AlignedData {
  const sums = buckets.map(() => 0)
  const rows = reasons.map((reason) =>
    buckets.map(({ counts }, index) => {
      sums[index] = (sums[index] ?? 0) + (counts[reason] ?? 0)
      return sums[index] ?? 0
    }),
  )
  return [buckets.map(({ start }) => Date.parse(start) / 1000), ...rows.reverse()]
}

function optionsFor(
  element: HTMLElement,
  buckets: readonly Bucket[],
  reasons: Props['reasons'],
  { point, zoom }: Pick<Props, 'point' | 'zoom'>,
): uPlot.Options {
  const style = getComputedStyle(element)
  const colour = (name: string) => style.getPropertyValue(name).trim()
  const first = Date.parse(buckets[0]?.start ?? '') / 1000
  const last = Date.parse(buckets.at(-1)?.start ?? '') / 1000
  const step = buckets.length > 1 ? (last - first) / (buckets.length - 1) : 3600
  const axis = {
    stroke: colour('--quiet'),
    font: `12px ${style.fontFamily}`,
    ticks: { show: false },
    grid: { stroke: colour('--line'), width: 1 },
  }
  return {
    width: element.clientWidth,
    height: element.clientHeight,
    padding: [8, 0, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { x: true, y: false, setScale: false } },
    scales: {
      x: { time: true, range: [first, last + step] },
      y: { range: (_, _min, max) => [0, Math.max(max * 1.05, 4)] },
    },
    axes: [
      {
        ...axis,
        size: 28,
        grid: { show: false },
        space: 70,
        values: (_, splits) => splits.map((at) => asTick(at * 1000)),
      },
      {
        ...axis,
        size: 48,
        incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 1e6, 1e7],
      },
    ],
    series: [
      {},
      ...[...reasons].reverse().map((reason) => ({
        fill: colour(`--${reason}`),
        width: 0,
        points: { show: false },
        ...(uPlot.paths.bars && { paths: uPlot.paths.bars({ size: [0.82, 64], align: 1, gap: 0 }) }),
      })),
    ],
    hooks: {
      setCursor: [({ cursor: { idx, left = -1 } }) => point(left < 0 || idx == null ? null : idx)],
      setSelect: [
        (chart) => {
          const { left, width } = chart.select
          if (width < 4) return
          zoom(chart.posToVal(left, 'x') * 1000, chart.posToVal(left + width, 'x') * 1000)
        },
      ],
    },
  }
}
