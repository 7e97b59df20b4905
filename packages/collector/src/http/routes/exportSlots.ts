import { LapseError } from '../../domain/errors.ts'

/** Exports that one token, and all together, may have running in one process. */
export const maxExportsPerToken = 4
const maxExports = 16

const retryAfterSeconds = 10

/** Counts the exports that are running, each of which holds memory and reads from the database for as long as it runs. */
export interface ExportSlots {
  /**
   * Takes a slot, and gives what releases it.
   *
   * @throws {LapseError} `too-many-requests` when the token has used up its own, `unavailable` when all are taken.
   */
  acquire(tokenId: string): () => void
}

export function createExportSlots(): ExportSlots {
  const running = new Map<string, number>()
  let total = 0

  function count(tokenId: string, change: 1 | -1): void {
    total += change
    const left = (running.get(tokenId) ?? 0) + change
    if (left > 0) running.set(tokenId, left)
    else running.delete(tokenId)
  }

  return {
    acquire(tokenId) {
      if ((running.get(tokenId) ?? 0) >= maxExportsPerToken) {
        const message = `This token has ${maxExportsPerToken} exports running. Wait for one of them to end.`
        throw new LapseError('too-many-requests', message, { retryAfterSeconds })
      }
      if (total >= maxExports) {
        const message = `The collector has ${maxExports} exports running. Wait for one of them to end.`
        throw new LapseError('unavailable', message, { retryAfterSeconds })
      }
      count(tokenId, 1)
      return () => count(tokenId, -1)
    },
  }
}
