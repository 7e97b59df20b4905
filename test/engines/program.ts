import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'

/** A program with all processes that it has started. */
export interface Program {
  readonly child: ChildProcess
  readonly output: () => string
  /** Waits until the program exits, then kills the processes that remain. */
  waitForExit(timeoutMs?: number): Promise<void>
  /** Kills the program with all its processes. */
  kill(): Promise<void>
}

export function startProgram(command: string, args: readonly string[], options: SpawnOptions = {}): Program {
  // A detached process leads a process group, which can be killed as a whole.
  const child = spawn(command, args, { ...options, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk) => {
      output = `${output}${chunk}`.slice(-10_000)
    })
  }
  child.on('error', (error) => {
    output += error.message
  })
  const killAtExit = () => killGroup(child.pid)
  process.on('exit', killAtExit)
  child.on('exit', () => process.off('exit', killAtExit))
  const program: Program = {
    child,
    output: () => output,
    async waitForExit(timeoutMs = 10_000) {
      if (isRunning(child))
        await once(child, 'exit', { signal: AbortSignal.timeout(timeoutMs) }).catch(() => {})
      await program.kill()
    },
    async kill() {
      const exited = isRunning(child) ? once(child, 'exit') : undefined
      killGroup(child.pid)
      await exited
    },
  }
  return program
}

/** Kills a process and its children, even if the process itself has already exited. */
export function killGroup(pid: number | undefined): void {
  if (!pid) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // All processes have exited.
  }
}

function isRunning(child: ChildProcess): boolean {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null
}
