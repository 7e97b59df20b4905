import { LapseError } from '../../domain/errors.ts'

/** The maximum numbers of exports that run at the same time in one process. */
export const maxExportsPerToken = 4
const maxExports = 16

const retryAfterSeconds = 10

/** Limits the running exports: each uses memory, and reads from the database as long as it runs. */
export interface ExportSlots {
  /**
   * Acquires a slot.
   *
   * @returns a function that releases the slot.
   * @throws {LapseError} `too-many-requests` if the token has all of its slots in use, `unavailable` if all are in use.
   */
  acquire(tokenId: string): () => void
}

export function createExportSlots(): ExportSlots {
  const runningByToken = new Map<string, number>()
  let total = 0

  function count(tokenId: string, change: 1 | -1): void {
    total += change
    const running = (runningByToken.get(tokenId) ?? 0) + change
    if (running > 0) runningByToken.set(tokenId, running)
    else runningByToken.delete(tokenId)
  }

  return {
    acquire(tokenId) {
      if ((runningByToken.get(tokenId) ?? 0) >= maxExportsPerToken) {
        const message = `This token already has ${maxExportsPerToken} exports running. Wait until one of them ends.`
        throw new LapseError('too-many-requests', message, { retryAfterSeconds })
      }
      if (total >= maxExports) {
        const message = `The collector already has ${maxExports} exports running. Wait until one of them ends.`
        throw new LapseError('unavailable', message, { retryAfterSeconds })
      }
      count(tokenId, 1)
      return () => count(tokenId, -1)
    },
  }
}
