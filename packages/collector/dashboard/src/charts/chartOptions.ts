import type { RefObject } from 'preact'
import uPlot from 'uplot'
import type { Bucket, Summary } from '../api/types.ts'
import { formatAxisTime, formatMonth } from '../format/dateTime.ts'
import type { reasons as allReasons } from '../format/labels.ts'
import { formatCompactCount } from '../format/numbers.ts'
import type { Zone } from '../state/calendar.ts'
import { chooseTicks } from './chooseTicks.ts'
import { findNextStart } from './fillBuckets.ts'

export interface ChartData {
  readonly buckets: readonly Bucket[]
  readonly bucketUnit: Summary['bucket']
  /** The reasons to show, from the bottom of the stack to its top. */
  readonly reasons: typeof allReasons
  /** The number of sessions in each bucket of the previous period, or null if there is none to compare with. */
  readonly previousCounts: readonly number[] | null
  readonly zone: Zone
}

export interface ChartHandlers {
  /** Is called with null when the cursor leaves the chart. */
  readonly onSelectBucket: (index: number | null) => void
  /** Is called with the first and the last bucket that the user clicks or drags over. */
  readonly onZoom: (firstIndex: number, lastIndex: number) => void
}

const countTicks = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 1e6, 1e7]
/** The narrowest drag in pixels that is not just a click. */
const minDragWidth = 4

/**
 * Stacks the counts: each series is the sum of a reason and those below it. The tallest is drawn first, behind the others.
 * The previous period comes last, in front of all.
 */
export function stackCounts({ buckets, reasons, previousCounts }: ChartData): uPlot.AlignedData {
  const sums = buckets.map(() => 0)
  const series = reasons.map((reason) =>
    buckets.map(({ counts }, index) => {
      sums[index] = (sums[index] ?? 0) + (counts[reason] ?? 0)
      return sums[index] ?? 0
    }),
  )
  const previous = previousCounts && buckets.map((_, index) => previousCounts[index] ?? null)
  return [toSeconds(buckets), ...series.reverse(), ...(previous ? [previous] : [])]
}

const toSeconds = (buckets: readonly Bucket[]) => buckets.map(({ start }) => Date.parse(start) / 1000)

export function buildChartOptions(
  element: HTMLElement,
  data: ChartData,
  handlers: RefObject<ChartHandlers>,
): uPlot.Options {
  const { buckets, bucketUnit, zone } = data
  const style = getComputedStyle(element)
  const starts = toSeconds(buckets)
  const end = findNextStart((starts.at(-1) ?? 0) * 1000, bucketUnit, zone) / 1000
  const axis = {
    stroke: style.getPropertyValue('--muted-text').trim(),
    font: `12px ${style.fontFamily}`,
    ticks: { show: false },
    grid: { stroke: style.getPropertyValue('--border').trim(), width: 1 },
  }
  const formatTick = bucketUnit === 'month' ? formatMonth : formatAxisTime
  return {
    width: element.clientWidth,
    height: element.clientHeight,
    // The last label of the time axis needs space on the right.
    padding: [8, 20, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { x: true, y: false, setScale: false } },
    scales: {
      x: { time: true, range: [starts[0] ?? 0, end] },
      y: { range: (_, _min, max) => [0, Math.max(max * 1.05, 4)] },
    },
    axes: [
      {
        ...axis,
        size: 28,
        gap: 6,
        grid: { show: false },
        splits: ({ width }) => chooseTicks(starts, bucketUnit, zone, width),
        values: (_, splits) => splits.map((seconds) => formatTick(seconds * 1000)),
      },
      {
        ...axis,
        size: 48,
        space: 24,
        values: (_, splits) => splits.map(formatCompactCount),
        incrs: countTicks,
      },
    ],
    series: buildSeries(data, style),
    hooks: buildHooks(starts, handlers),
  }
}

function buildSeries({ reasons, previousCounts }: ChartData, style: CSSStyleDeclaration): uPlot.Series[] {
  const readColor = (name: string) => style.getPropertyValue(name).trim()
  const bars = [...reasons].reverse().map((reason) => ({
    fill: readColor(`--${reason}`),
    width: 0,
    points: { show: false },
    ...(uPlot.paths.bars && { paths: uPlot.paths.bars({ size: [0.82], align: 1, gap: 0 }) }),
  }))
  const previous = {
    stroke: readColor('--text'),
    width: 1.5,
    dash: [4, 3],
    points: { show: false },
    ...(uPlot.paths.stepped && { paths: uPlot.paths.stepped({ align: 1, extend: true }) }),
  }
  return [{}, ...bars, ...(previousCounts ? [previous] : [])]
}

function buildHooks(starts: readonly number[], handlers: RefObject<ChartHandlers>): uPlot.Hooks.Arrays {
  /** Finds the bucket at a position in pixels. */
  const findIndex = (plot: uPlot, position: number) => {
    const at = plot.posToVal(position, 'x')
    return Math.max(
      starts.findLastIndex((start) => start <= at),
      0,
    )
  }
  return {
    ready: [
      (plot) =>
        plot.over.addEventListener('click', () => {
          const { left = -1 } = plot.cursor
          if (left < 0) return
          const index = findIndex(plot, left)
          handlers.current?.onZoom(index, index)
        }),
    ],
    setCursor: [
      (plot) => {
        const { left = -1 } = plot.cursor
        handlers.current?.onSelectBucket(left < 0 ? null : findIndex(plot, left))
      },
    ],
    setSelect: [
      (plot) => {
        const { left, width } = plot.select
        if (width < minDragWidth) return
        handlers.current?.onZoom(findIndex(plot, left), findIndex(plot, left + width - 1))
      },
    ],
  }
}
