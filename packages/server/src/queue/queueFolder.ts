import { appendFile, mkdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { LapseServerError } from '../errors.ts'
import type { Events } from '../events.ts'
import type { QueuedReport } from '../reports.ts'
import { claimFileName, listAbandonedFiles, releaseFileName } from './queueFiles.ts'
import { formatLine, readReports } from './queueLines.ts'
import type { QueueEntry, QueueLog } from './reportQueue.ts'

/** How often a process shows that it is alive, and looks for the files of others that are not. */
const aliveEveryMs = 10_000
/** A file is rewritten when it has so many more lines than the queue has reports. */
const maxStaleLines = 2000

interface QueueFolderOptions {
  readonly folder: string
  readonly site: string
  readonly events: Events
  /** Receives the reports of processes that have ended. */
  submit(report: QueuedReport): void
}

/**
 * Keeps the queue of a process in a file of its own, so that its reports survive a restart. The file of a process that
 * has ended is taken over by another one. What is taken over twice is sent twice, which the collector recognizes.
 */
export class QueueFolder implements QueueLog {
  lastError: LapseServerError | undefined
  readonly #options: QueueFolderOptions
  readonly #name: string
  readonly #listEntries: () => Iterable<QueueEntry>
  /** Operations on files, one after the other. */
  #operations: Promise<void> = Promise.resolve()
  /** The lines of the next write. */
  #lines: string[] | undefined
  #lineCount = 0
  #isClosed = false
  readonly #timer: NodeJS.Timeout

  /** @param listEntries lists what is in the queue. */
  constructor(options: QueueFolderOptions, listEntries: () => Iterable<QueueEntry>) {
    this.#options = options
    this.#name = claimFileName(options.site)
    this.#listEntries = listEntries
    this.#run(async () => {
      await mkdir(options.folder, { recursive: true, mode: 0o700 })
      await this.#adoptAbandonedFiles()
    })
    this.#timer = setInterval(() => this.#run(() => this.#showAlive()), aliveEveryMs).unref()
  }

  put(entry: QueueEntry): void {
    this.#append(formatLine(entry))
  }

  remove(ids: readonly number[], remainingCount: number): void {
    const isStale = this.#lineCount > remainingCount + maxStaleLines
    if (remainingCount > 0 && !isStale) {
      this.#append(formatLine({ removed: ids }))
      return
    }
    if (this.#lines) this.#lines.length = 0
    this.#lines = undefined
    this.#lineCount = remainingCount
    const lines = [...this.#listEntries()].map((entry) => formatLine(entry))
    this.#run(() => this.#replace(lines.join('')))
  }

  /** Waits until everything is written. */
  async close(): Promise<void> {
    this.#isClosed = true
    clearInterval(this.#timer)
    await this.#operations
    releaseFileName(this.#name)
  }

  #append(line: string): void {
    this.#lineCount += 1
    if (this.#lines) {
      this.#lines.push(line)
      return
    }
    const lines = [line]
    this.#lines = lines
    this.#run(async () => {
      if (this.#lines === lines) this.#lines = undefined
      if (lines.length > 0) await appendFile(this.#getPath(this.#name), lines.join(''), { mode: 0o600 })
    })
  }

  async #replace(text: string): Promise<void> {
    const path = this.#getPath(this.#name)
    if (text === '') return rm(path, { force: true })
    // A crash in between leaves the old file.
    await writeFile(`${path}.new`, text, { mode: 0o600 })
    await rename(`${path}.new`, path)
  }

  async #showAlive(): Promise<void> {
    const now = new Date()
    // Without a report in the queue, there is no file.
    await utimes(this.#getPath(this.#name), now, now).catch(ignoreMissingFile)
    await this.#adoptAbandonedFiles()
  }

  async #adoptAbandonedFiles(): Promise<void> {
    const { folder, site, submit } = this.#options
    for (const name of await listAbandonedFiles(folder, site)) {
      if (this.#isClosed) return
      const adopted = claimFileName(site)
      const isMine = await rename(this.#getPath(name), this.#getPath(adopted)).then(
        () => true,
        ignoreMissingFile,
      )
      if (!isMine) continue
      for (const report of readReports(await readFile(this.#getPath(adopted), 'utf8'))) submit(report)
      // After the reports are in the file of this process.
      this.#run(async () => {
        await rm(this.#getPath(adopted), { force: true })
        releaseFileName(adopted)
      })
    }
  }

  #getPath(name: string): string {
    return join(this.#options.folder, name)
  }

  #run(operation: () => Promise<void>): void {
    this.#operations = this.#operations.then(operation).then(
      () => {
        this.lastError = undefined
      },
      (cause: unknown) => this.#handleError(cause),
    )
  }

  #handleError(cause: unknown): void {
    const { folder, events } = this.#options
    const isKnown = this.lastError !== undefined
    this.lastError = new LapseServerError(
      'queue_unavailable',
      `The queue's folder ${folder} cannot be used, so waiting reports would not survive a restart: ${cause}`,
      { cause },
    )
    if (!isKnown) events.emit('error', this.lastError)
  }
}

function ignoreMissingFile(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
  throw error
}
