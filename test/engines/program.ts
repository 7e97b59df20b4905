import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'

/** A program with all the processes that it starts. */
export interface Program {
  readonly child: ChildProcess
  readonly output: () => string
  /** Waits for it to end by itself, and then ends whatever of it is left. */
  ended(timeoutMs?: number): Promise<void>
  /** Ends it with all its processes, at once. */
  kill(): Promise<void>
}

export function startProgram(command: string, args: readonly string[], options: SpawnOptions = {}): Program {
  // Detached, it leads a process group, which can be ended as a whole.
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
    async ended(timeoutMs = 10_000) {
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

/** Ends a process and its children at once, also those that have outlived it. */
export function killGroup(pid: number | undefined): void {
  if (!pid) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // None of them is left.
  }
}

function isRunning(child: ChildProcess): boolean {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null
}
