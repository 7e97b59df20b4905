import { rmSync, writeFileSync } from 'node:fs'
import { appendFile, constants, open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { prepareFolder, prepareFolderSync } from './prepareFolder.ts'
import { createFreeFileName, createOwnFileName, releaseFile, touchFile } from './queueFiles.ts'
import { formatLine, linesPerTurn } from './queueLines.ts'
import type { QueueEntry, QueueLog, ReportQueue } from './reportQueue.ts'

/** A file is rewritten when more than half of its lines, and more than this number, are out of date. */
const maxStaleLines = 2000

interface OwnFileOptions {
  readonly folder: string
  readonly site: string
  readonly queue: Pick<ReportQueue, 'size' | 'list'>
}

/** The file that contains what is in the queue: a line for each change. Without a report, there is no file. */
export class OwnFile implements QueueLog {
  readonly #options: OwnFileOptions
  readonly #name: string
  readonly #path: string
  /** Changes that are not in the file yet. */
  #lines: string[] = []
  /** How many lines are in the file, and will be. */
  #lineCount = 0
  /** The file is missing, incomplete or too long. */
  #isRewriteDue = true
  #changeCount = 0
  #savedChangeCount = 0

  constructor(options: OwnFileOptions) {
    this.#options = options
    this.#name = createOwnFileName(options.site)
    this.#path = join(options.folder, this.#name)
  }

  get isSaved(): boolean {
    const isMissing = this.#isRewriteDue && this.#options.queue.size > 0
    return this.#savedChangeCount === this.#changeCount && !isMissing
  }

  put(entry: QueueEntry): void {
    this.#add(formatLine(entry))
  }

  remove(ids: readonly number[]): void {
    this.#add(formatLine({ removed: ids }))
  }

  /** Writes the changes. After an error, the next call writes the whole file. */
  async save(): Promise<void> {
    const changeCount = this.#changeCount
    if (this.#options.queue.size === 0) await this.#delete()
    else if (this.#isRewriteDue || !(await this.#append())) await this.#rewrite()
    this.#savedChangeCount = changeCount
  }

  /** Saves while the process exits. */
  saveSync(): void {
    if (this.isSaved) return
    const { folder, site, queue } = this.#options
    prepareFolderSync(folder)
    const lines = [...queue.list()].map((entry) => formatLine(entry))
    // Another file: a write to the own one may be under way.
    if (lines.length > 0)
      writeFileSync(join(folder, createFreeFileName(site)), lines.join(''), { mode: 0o600, flag: 'wx' })
    rmSync(this.#path, { force: true })
  }

  /** Shows that its owner is alive. */
  async touch(): Promise<void> {
    await touchFile(this.#path).catch(() => {
      this.#isRewriteDue = true
    })
  }

  /** Lets another process, or another instance in this one, take the file over. */
  release(): Promise<void> {
    return releaseFile(this.#options.folder, this.#name, this.#options.site)
  }

  #add(line: string): void {
    this.#changeCount += 1
    this.#lineCount += 1
    this.#lines.push(line)
    const { size } = this.#options.queue
    if (this.#lineCount <= size + Math.max(size, maxStaleLines)) return
    this.#isRewriteDue = true
    this.#forgetLines()
  }

  /** The file will be written from what is in the queue now. */
  #forgetLines(): void {
    this.#lines = []
    this.#lineCount = this.#options.queue.size
  }

  async #delete(): Promise<void> {
    this.#forgetLines()
    this.#isRewriteDue = true
    await rm(this.#path, { force: true })
  }

  /** Returns false if the file is missing, or incomplete now. */
  async #append(): Promise<boolean> {
    const text = this.#lines.join('')
    this.#lines = []
    try {
      await appendFile(this.#path, text, { flag: constants.O_WRONLY | constants.O_APPEND })
      return true
    } catch {
      this.#isRewriteDue = true
      return false
    }
  }

  async #rewrite(): Promise<void> {
    const { folder, queue } = this.#options
    await prepareFolder(folder)
    this.#isRewriteDue = false
    this.#forgetLines()
    try {
      // A crash in between leaves the old file.
      await this.#write(`${this.#path}.new`, [...queue.list()])
      await rename(`${this.#path}.new`, this.#path)
    } catch (error) {
      this.#isRewriteDue = true
      throw error
    }
  }

  async #write(path: string, entries: readonly QueueEntry[]): Promise<void> {
    const handle = await open(path, 'w', 0o600)
    try {
      for (let start = 0; start < entries.length; start += linesPerTurn) {
        const lines = entries.slice(start, start + linesPerTurn).map((entry) => formatLine(entry))
        await handle.appendFile(lines.join(''))
      }
    } finally {
      await handle.close()
    }
  }
}
