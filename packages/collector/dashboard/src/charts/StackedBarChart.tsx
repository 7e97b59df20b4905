import type { RefObject } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import uPlot from 'uplot'
import type { Bucket, Summary } from '../api/fetchJson.ts'
import { asShortCount, asTick } from '../format/dateTime.ts'
import type { reasons as allReasons } from '../format/labels.ts'

interface Props {
  readonly buckets: readonly Bucket[]
  readonly unit: Summary['bucket']
  /** Those that have a count, in the order of the stack from its foot. */
  readonly reasons: typeof allReasons
  /** Hears which bucket is pointed at, or nothing. */
  readonly point: (index: number | null) => void
  readonly label: string
  /** Hears of a part that was drawn over: epoch milliseconds. */
  readonly zoom: (from: number, to: number) => void
}

/** How far a key moves along the bars. */
const steps = new Map([
  ['ArrowLeft', -1],
  ['ArrowRight', 1],
])

type Hearers = Pick<Props, 'point' | 'zoom'>

/** Stacked bars. The arrow keys move along them, as the pointer does. */
export function Chart({ buckets, unit, reasons, point, label, zoom }: Props) {
  const place = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | null>(null)
  // The chart outlives what it was drawn with: the filters may be others when a part is drawn over.
  const latest = useRef<Hearers>({ point, zoom })
  latest.current = { point, zoom }

  useEffect(() => {
    const element = place.current
    if (!element) return
    const draw = () => {
      plot.current?.destroy()
      plot.current = new uPlot(
        optionsFor(element, { buckets, unit, reasons }, latest),
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
  }, [buckets.length, JSON.stringify([buckets, unit, reasons])])

  const move = (event: KeyboardEvent) => {
    const chart = plot.current
    const step = steps.get(event.key)
    if (!chart || step === undefined) return
    event.preventDefault()
    const from = chart.cursor.idx ?? (step > 0 ? -1 : buckets.length)
    const index = Math.min(Math.max(from + step, 0), buckets.length - 1)
    const [times] = chart.data
    chart.setCursor({ left: chart.valToPos((times[index] ?? 0) + 1, 'x'), top: 1 })
  }

  return (
    <div
      class="chart"
      ref={place}
      role="img"
      aria-label={label}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: the arrow keys move along the bars.
      tabIndex={0}
      onKeyDown={move}
      onBlur={() => plot.current?.setCursor({ left: -1, top: -1 })}
    />
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

const day = 86_400
/** How far apart the words on the axis of time may stand. */
const tickSeconds = [
  ...[1, 2, 3, 6, 12].map((hours) => hours * 3600),
  ...[1, 2, 3, 5, 7, 10, 15, 30, 60, 90, 180, 365, 730].map((days) => days * day),
]

function optionsFor(
  element: HTMLElement,
  { buckets, unit, reasons }: Pick<Props, 'buckets' | 'unit' | 'reasons'>,
  hearers: RefObject<Hearers>,
): uPlot.Options {
  const style = getComputedStyle(element)
  const colour = (name: string) => style.getPropertyValue(name).trim()
  const first = Date.parse(buckets[0]?.start ?? '') / 1000
  const last = Date.parse(buckets.at(-1)?.start ?? '') / 1000
  const step = unit === 'hour' ? 3600 : day
  const axis = {
    stroke: colour('--quiet'),
    font: `12px ${style.fontFamily}`,
    ticks: { show: false },
    grid: { stroke: colour('--line'), width: 1 },
  }
  return {
    width: element.clientWidth,
    height: element.clientHeight,
    // On the right there is room for half of the last tick's words.
    padding: [8, 20, 0, 0],
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
        // No finer than the bars, which would look as if they were narrower than their time.
        incrs: tickSeconds.filter((seconds) => seconds >= step),
        values: (_, splits) => splits.map((at) => asTick(at * 1000)),
      },
      {
        ...axis,
        size: 48,
        values: (_, splits) => splits.map(asShortCount),
        incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 1e6, 1e7],
      },
    ],
    series: [
      {},
      ...[...reasons].reverse().map((reason) => ({
        fill: colour(`--${reason}`),
        width: 0,
        points: { show: false },
        ...(uPlot.paths.bars && { paths: uPlot.paths.bars({ size: [0.82], align: 1, gap: 0 }) }),
      })),
    ],
    hooks: {
      setCursor: [
        ({ cursor: { idx, left = -1 } }) => hearers.current?.point(left < 0 || idx == null ? null : idx),
      ],
      setSelect: [
        (chart) => {
          const { left, width } = chart.select
          if (width < 4) return
          const at = (place: number) => chart.posToVal(place, 'x') * 1000
          hearers.current?.zoom(at(left), at(left + width))
        },
      ],
    },
  }
}
