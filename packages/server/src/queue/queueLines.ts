import type { QueuedReport } from '../reports.ts'
import type { QueueEntry } from './reportQueue.ts'

/** A line of a queue's file: a report, which replaces an earlier one with the same id, or removed reports. */
type Line = QueueEntry | { readonly removed: readonly number[] }

export function formatLine(line: Line): string {
  return `${JSON.stringify(line)}\n`
}

/** Returns the reports that a file contains. Damaged lines, such as a last one that was cut off, are ignored. */
export function readReports(text: string): QueuedReport[] {
  const reports = new Map<number, QueuedReport>()
  for (const line of text.split('\n')) {
    const { id, report, removed } = parseLine(line)
    if (typeof id === 'number' && isReport(report)) reports.set(id, report)
    if (Array.isArray(removed)) for (const each of removed) reports.delete(each)
  }
  return [...reports.values()]
}

function parseLine(line: string): { id?: unknown; report?: unknown; removed?: unknown } {
  try {
    return Object(JSON.parse(line))
  } catch {
    return {}
  }
}

const kinds: readonly unknown[] = ['activity', 'end', 'subject_end']

function isReport(value: unknown): value is QueuedReport {
  if (typeof value !== 'object' || value === null) return false
  const { kind, body }: { kind?: unknown; body?: unknown } = value
  if (!kinds.includes(kind) || typeof body !== 'object' || body === null) return false
  return Object.values(body).every((each) => typeof each === 'string' || typeof each === 'number')
}
