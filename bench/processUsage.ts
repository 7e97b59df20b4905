import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))

/** Reads the CPU time that a process has used, in microseconds. NaN if it has ended. See proc_pid_stat(5). */
export function readCpuUs(pid: number | undefined): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name of the program may contain spaces, and ends with the last parenthesis.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const [userTicks, systemTicks] = fields.slice(11, 13).map(Number)
    return (((userTicks ?? 0) + (systemTicks ?? 0)) / ticksPerSecond) * 1e6
  } catch {
    return Number.NaN
  }
}

/** Reads how much memory of a process is in use, in MiB. */
export function readMemoryMiB(pid: number | undefined): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) / 1024
}
