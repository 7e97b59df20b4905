import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { findProgram } from '../../scripts/findProgram.ts'

/** What wrk measured. */
interface LoadResult {
  readonly requests: number
  readonly seconds: number
  readonly p50: number
  readonly p99: number
  /** Requests without an answer. */
  readonly failed: number
}

/** A running load generator. */
export interface Load {
  readonly pid: number | undefined
  readonly result: Promise<LoadResult>
  stop(): void
}

interface LoadOptions {
  /** The path of wrk. */
  readonly wrk: string
  readonly url: string
  readonly connections: number
  readonly seconds: number
  /** The environment variables that report.lua reads. */
  readonly parameters: Readonly<Record<string, string>>
  /** Stops the load early. */
  readonly signal: AbortSignal
}

const script = fileURLToPath(new URL('./report.lua', import.meta.url))

/**
 * Finds wrk and returns its path.
 *
 * @throws if it is not installed.
 */
export function findWrk(): string {
  try {
    return findProgram('wrk')
  } catch (cause) {
    throw new Error('Program wrk not found. On Debian and Ubuntu: sudo apt-get install wrk', { cause })
  }
}

/** Starts wrk with one thread. */
export function startLoad({ wrk, url, connections, seconds, parameters, signal }: LoadOptions): Load {
  const args = ['-t1', `-c${connections}`, `-d${seconds}`, '--latency', '--timeout', '10s', '-s', script]
  const child = spawn(wrk, [...args, `${url}/v1/activity`], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...parameters },
  })
  // wrk then ends early, and prints what it has measured.
  const stop = () => void child.kill('SIGINT')
  signal.addEventListener('abort', stop)
  return { pid: child.pid, result: readResult(child), stop }
}

async function readResult(child: ChildProcess): Promise<LoadResult> {
  let output = ''
  child.stdout?.on('data', (chunk) => {
    output += chunk
  })
  await once(child, 'close')
  return JSON.parse(output.trim().split('\n').at(-1) ?? '')
}
