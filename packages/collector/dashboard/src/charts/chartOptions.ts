import type { RefObject } from 'preact'
import uPlot from 'uplot'
import type { Bucket, Summary } from '../api/types.ts'
import { formatAxisTime } from '../format/dateTime.ts'
import type { reasons as allReasons } from '../format/labels.ts'
import { formatCompactCount } from '../format/numbers.ts'

export interface ChartData {
  readonly buckets: readonly Bucket[]
  readonly bucketUnit: Summary['bucket']
  /** The reasons to show, from the bottom of the stack to its top. */
  readonly reasons: typeof allReasons
}

export interface ChartHandlers {
  /** Is called with null when the cursor leaves the chart. */
  readonly onSelectBucket: (index: number | null) => void
  /** Is called with epoch milliseconds when the user drags over a part of the chart. */
  readonly onSelectPeriod: (from: number, to: number) => void
}

const hourSeconds = 3600
const daySeconds = 86_400
const timeTickSeconds = [
  ...[1, 2, 3, 6, 12].map((hours) => hours * hourSeconds),
  ...[1, 2, 3, 5, 7, 10, 15, 30, 60, 90, 180, 365, 730].map((days) => days * daySeconds),
]
const countTicks = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 1e6, 1e7]
/** The narrowest drag in pixels that is not just a click. */
const minDragWidth = 4

/** Stacks the counts: each series is the sum of a reason and those below it. The tallest is drawn first, behind the others. */
export function stackCounts(buckets: readonly Bucket[], reasons: ChartData['reasons']): uPlot.AlignedData {
  const sums = buckets.map(() => 0)
  const series = reasons.map((reason) =>
    buckets.map(({ counts }, index) => {
      sums[index] = (sums[index] ?? 0) + (counts[reason] ?? 0)
      return sums[index] ?? 0
    }),
  )
  return [buckets.map(({ start }) => Date.parse(start) / 1000), ...series.reverse()]
}

export function buildChartOptions(
  element: HTMLElement,
  { buckets, bucketUnit, reasons }: ChartData,
  handlers: RefObject<ChartHandlers>,
): uPlot.Options {
  const style = getComputedStyle(element)
  const readColor = (name: string) => style.getPropertyValue(name).trim()
  const firstStart = Date.parse(buckets[0]?.start ?? '') / 1000
  const lastStart = Date.parse(buckets.at(-1)?.start ?? '') / 1000
  const bucketSeconds = bucketUnit === 'hour' ? hourSeconds : daySeconds
  const axis = {
    stroke: readColor('--muted-text'),
    font: `12px ${style.fontFamily}`,
    ticks: { show: false },
    grid: { stroke: readColor('--border'), width: 1 },
  }
  return {
    width: element.clientWidth,
    height: element.clientHeight,
    // The last label of the time axis needs space on the right.
    padding: [8, 20, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { x: true, y: false, setScale: false } },
    scales: {
      x: { time: true, range: [firstStart, lastStart + bucketSeconds] },
      y: { range: (_, _min, max) => [0, Math.max(max * 1.05, 4)] },
    },
    axes: [
      {
        ...axis,
        size: 28,
        grid: { show: false },
        space: 70,
        // Ticks between the bounds of a bar would make it look as if it covered less time.
        incrs: timeTickSeconds.filter((seconds) => seconds >= bucketSeconds),
        values: (_, splits) => splits.map((seconds) => formatAxisTime(seconds * 1000)),
      },
      {
        ...axis,
        size: 48,
        values: (_, splits) => splits.map(formatCompactCount),
        incrs: countTicks,
      },
    ],
    series: [
      {},
      ...[...reasons].reverse().map((reason) => ({
        fill: readColor(`--${reason}`),
        width: 0,
        points: { show: false },
        ...(uPlot.paths.bars && { paths: uPlot.paths.bars({ size: [0.82], align: 1, gap: 0 }) }),
      })),
    ],
    hooks: {
      setCursor: [
        ({ cursor: { idx, left = -1 } }) =>
          handlers.current?.onSelectBucket(left < 0 || idx == null ? null : idx),
      ],
      setSelect: [
        (plot) => {
          const { left, width } = plot.select
          if (width < minDragWidth) return
          const readTime = (position: number) => plot.posToVal(position, 'x') * 1000
          handlers.current?.onSelectPeriod(readTime(left), readTime(left + width))
        },
      ],
    },
  }
}
