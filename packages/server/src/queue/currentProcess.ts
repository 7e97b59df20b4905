import { createHash, randomUUID } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'

/** A process: a process id alone is given again after a restart, and each container has its own process 1. */
export interface ProcessIdentity {
  /** Where process ids are comparable: a PID namespace since the machine's start. */
  readonly place: string
  readonly pid: number
  readonly startedAt: string
}

/** The process that runs this code. */
export const currentProcess: ProcessIdentity = {
  place: createHash('sha256').update(describePlace()).digest('hex').slice(0, 16),
  pid: process.pid,
  startedAt: readStartedAt(process.pid) ?? '0',
}

/** Says that a process has certainly ended. Of a process in another place, nothing is certain. */
export function hasEnded({ place, pid, startedAt }: ProcessIdentity): boolean {
  return place === currentProcess.place && readStartedAt(pid) !== startedAt
}

function describePlace(): string {
  if (process.platform !== 'linux') return hostname()
  try {
    // In a PID namespace, /proc may still be that of the namespace around it.
    if (readlinkSync('/proc/self') !== String(process.pid)) return randomUUID()
    const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8')
    return `${hostname()} ${bootId} ${readlinkSync('/proc/self/ns/pid')}`
  } catch {
    // Comparable with nothing.
    return randomUUID()
  }
}

/** Returns when a process started, as `/proc` writes it, and a constant where there is no `/proc`. */
function readStartedAt(pid: number): string | undefined {
  if (process.platform !== 'linux') return isRunning(pid) ? '0' : undefined
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name of the program, in parentheses, may contain anything. See proc_pid_stat(5).
    const [state, ...others] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return state === 'Z' ? undefined : others[18]
  } catch {
    return undefined
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    // EPERM: the process runs as another user.
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
