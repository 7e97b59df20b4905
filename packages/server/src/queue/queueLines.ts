import { setImmediate } from 'node:timers/promises'
import type { QueuedReport } from '../reports.ts'
import type { QueueEntry } from './reportQueue.ts'

/** A line of a queue's file: a report, which replaces an earlier one with the same id, or removed reports. */
type Line = QueueEntry | { readonly removed: readonly number[] }

/** So many lines are read or written in well under a millisecond. Then, the application gets its turn. */
export const linesPerTurn = 100

export function formatLine(line: Line): string {
  return `${JSON.stringify(line)}\n`
}

/** Returns the reports that a file contains. Damaged lines, such as a last one that was cut off, are ignored. */
export async function readReports(text: string): Promise<QueuedReport[]> {
  const reports = new Map<number, QueuedReport>()
  for (const [index, line] of text.split('\n').entries()) {
    if (index % linesPerTurn === 0) await setImmediate()
    const { id, report: value, removed } = parseLine(line)
    const report = readReport(value)
    if (typeof id === 'number' && report) reports.set(id, report)
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

const fields: Readonly<Record<QueuedReport['kind'], readonly string[]>> = {
  activity: ['session', 'subject', 'startedAt', 'lastAccessAt', 'ticket'],
  end: ['session', 'subject', 'reason', 'startedAt', 'lastAccessAt', 'detectedAt', 'ticket'],
  subject_end: ['subject', 'reason', 'except', 'detectedAt'],
}

/** Takes the known fields only: another one, such as `site`, would get into the request. */
function readReport(value: unknown): QueuedReport | undefined {
  const { kind, body }: { kind?: unknown; body?: unknown } = Object(value)
  if (!isKind(kind) || typeof body !== 'object' || body === null) return undefined
  const known = Object.entries(body).filter(([name]) => fields[kind].includes(name))
  const isValid = known.every(([name, each]) => typeof each === (name.endsWith('At') ? 'number' : 'string'))
  return isValid ? { kind, body: Object.fromEntries(known) } : undefined
}

function isKind(value: unknown): value is QueuedReport['kind'] {
  return typeof value === 'string' && Object.hasOwn(fields, value)
}
