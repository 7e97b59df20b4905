import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { LapseServerError } from '../errors.ts'
import type { Events } from '../events.ts'
import type { QueuedReport } from '../reports.ts'
import { forgetOnExit, saveOnExit } from './exitHook.ts'
import { FileAdopter } from './fileAdopter.ts'
import { OwnFile } from './ownFile.ts'
import { prepareFolder } from './prepareFolder.ts'
import type { QueueEntry, QueueLog, ReportQueue } from './reportQueue.ts'

/** How often a process shows that it is alive, and looks for the files of others that are not. */
const aliveEveryMs = 10_000

interface QueueFolderOptions {
  readonly folder: string
  readonly site: string
  readonly events: Events
  readonly queue: Pick<ReportQueue, 'size' | 'list'>
  readonly maxReports: number
  /** Receives the reports of processes that have ended. */
  submit(report: QueuedReport): void
}

/**
 * Keeps the queue in its own file, so that its reports survive a restart. The file of a process that has ended is
 * taken over by another one.
 */
export class QueueFolder implements QueueLog {
  /** Why reports would not survive a restart now. */
  lastError: LapseServerError | undefined
  readonly #folder: string
  readonly #events: Events
  readonly #file: OwnFile
  readonly #adopter: FileAdopter
  /** Operations on files, one after the other. */
  #operations: Promise<void> = Promise.resolve()
  #isSaveScheduled = false
  readonly #timer: NodeJS.Timeout

  constructor(options: QueueFolderOptions) {
    // The application may change its working directory.
    this.#folder = resolve(options.folder)
    this.#events = options.events
    this.#file = new OwnFile({ ...options, folder: this.#folder })
    this.#adopter = new FileAdopter({ ...options, folder: this.#folder })
    this.#run(() => this.#maintain())
    this.#timer = setInterval(() => this.#run(() => this.#maintain()), aliveEveryMs).unref()
    saveOnExit(this)
  }

  put(entry: QueueEntry): void {
    this.#file.put(entry)
    this.#scheduleSave()
  }

  remove(ids: readonly number[]): void {
    this.#file.remove(ids)
    this.#scheduleSave()
  }

  /** Takes over no more reports. What is taken over afterwards would be refused. */
  stopAdopting(): void {
    this.#adopter.stop()
  }

  /** Waits until everything is written, but not longer than the time. If it is not written, `lastError` says so. */
  async close(timeoutMs: number): Promise<void> {
    this.stopAdopting()
    clearInterval(this.#timer)
    this.#run(async () => {
      await this.#save()
      await this.#file.release()
    })
    const abort = new AbortController()
    const isTimeOver = await Promise.race([
      this.#operations.then(() => false),
      sleep(timeoutMs, true, { signal: abort.signal }),
    ])
    abort.abort()
    forgetOnExit(this)
    if (isTimeOver) this.#handleError(new Error(`It did not respond in time (${Math.ceil(timeoutMs)} ms).`))
  }

  /** Saves while the process exits. */
  saveSync(): void {
    try {
      this.#file.saveSync()
    } catch (error) {
      this.#handleError(error)
    }
  }

  #scheduleSave(): void {
    // After an error, the next attempt follows in `#maintain`.
    if (this.#isSaveScheduled || this.lastError) return
    this.#isSaveScheduled = true
    this.#run(async () => {
      this.#isSaveScheduled = false
      await this.#save()
    })
  }

  async #save(): Promise<void> {
    if (!this.#file.isSaved) await this.#file.save()
    await this.#adopter.deleteAdopted()
  }

  async #maintain(): Promise<void> {
    await prepareFolder(this.#folder)
    await this.#file.touch()
    await this.#adopter.touch()
    await this.#save()
    await this.#adopter.adopt()
    await this.#save()
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
    const isKnown = this.lastError !== undefined
    const reason = cause instanceof Error ? cause.message : String(cause)
    this.lastError = new LapseServerError(
      'queue_unavailable',
      `The queue's folder ${this.#folder} cannot be used, so waiting reports would not survive a restart: ${reason}`,
      { cause },
    )
    if (!isKnown) this.#events.emit('error', this.lastError)
  }
}
