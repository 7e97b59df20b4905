import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type { QueuedReport } from '../reports.ts'
import {
  claimFile,
  createFreeFileName,
  listAbandonedFiles,
  readOwnFile,
  releaseFile,
  touchFile,
} from './queueFiles.ts'
import { formatLine, linesPerTurn, readReports } from './queueLines.ts'
import type { ReportQueue } from './reportQueue.ts'

interface FileAdopterOptions {
  readonly folder: string
  readonly site: string
  readonly queue: Pick<ReportQueue, 'size'>
  readonly maxReports: number
  /** Receives the reports. */
  submit(report: QueuedReport): void
}

/**
 * Takes over the files of processes that have ended. What is taken over twice is sent twice, which the collector
 * recognizes.
 */
export class FileAdopter {
  readonly #options: FileAdopterOptions
  /** Files whose reports are in the queue, but maybe not in its file yet. */
  #adopted: string[] = []
  /** What was adopted since the queue was empty. After a crash, a report may be in two files. */
  readonly #known = new Set<string>()
  #isStopped = false

  constructor(options: FileAdopterOptions) {
    this.#options = options
  }

  /** Submits no report any more. */
  stop(): void {
    this.#isStopped = true
  }

  /** Adopts as many reports as there is room for. The others stay in the folder. */
  async adopt(): Promise<void> {
    const { folder, site, queue } = this.#options
    if (queue.size === 0) this.#known.clear()
    if (!this.#canAdopt()) return
    for (const name of await listAbandonedFiles(folder, site)) {
      if (!this.#canAdopt()) return
      await this.#adoptFile(name)
    }
  }

  /** Deletes the adopted files. Their reports must be in the queue's own file. */
  async deleteAdopted(): Promise<void> {
    for (const name of this.#adopted) await rm(this.#getPath(name), { force: true })
    this.#adopted = []
  }

  /** Shows that the owner of the adopted files is alive. */
  async touch(): Promise<void> {
    for (const name of this.#adopted) await touchFile(this.#getPath(name)).catch(() => undefined)
  }

  async #adoptFile(name: string): Promise<void> {
    const { folder, site } = this.#options
    const claimed = await claimFile(folder, name, site)
    if (claimed === undefined) return
    const reports = await readReports(await readOwnFile(this.#getPath(claimed)))
    const others = await this.#submit(reports)
    if (others.length > 0 && others.length === reports.length) return releaseFile(folder, claimed, site)
    const lines = others.map((report, id) => formatLine({ id, report }))
    if (lines.length > 0)
      await writeFile(this.#getPath(createFreeFileName(site)), lines.join(''), { mode: 0o600 })
    this.#adopted.push(claimed)
  }

  /** Submits reports while there is room. Returns the others. */
  async #submit(reports: readonly QueuedReport[]): Promise<readonly QueuedReport[]> {
    for (const [index, report] of reports.entries()) {
      if (index % linesPerTurn === 0) await setImmediate()
      if (!this.#canAdopt()) return reports.slice(index)
      const key = JSON.stringify(report)
      if (this.#known.has(key)) continue
      this.#known.add(key)
      this.#options.submit(report)
    }
    return []
  }

  /** Half of the queue remains for new reports. */
  #canAdopt(): boolean {
    return !this.#isStopped && this.#options.queue.size < this.#options.maxReports / 2
  }

  #getPath(name: string): string {
    return join(this.#options.folder, name)
  }
}
