import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { hasErrorCode } from '../../domain/thrownError.ts'
import { type FeedPosition, formatPosition, positionSchema } from '../../reading/feed.ts'

/** The file has not been written by `writeStateFile`, or cannot be read or written. */
class StateFileError extends Error {
  override readonly name = 'StateFileError'
}

/**
 * Reads the position in a state file.
 *
 * @returns undefined if the file does not exist.
 * @throws {StateFileError}
 */
export function readStateFile(file: string): FeedPosition | undefined {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if (hasErrorCode(error, ['ENOENT'])) return undefined
    throw new StateFileError(`The state file ${file} could not be read.`, { cause: error })
  }
  const { data: position } = positionSchema.safeParse(text.trim())
  if (position !== undefined) return position
  throw new StateFileError(
    `The state file ${file} contains no position. Restore it, or delete it to start at --after.`,
  )
}

/**
 * Replaces the position in a state file. Even after a crash of the machine, the file contains the old or the new
 * position.
 *
 * @throws {StateFileError}
 */
export function writeStateFile(file: string, position: FeedPosition): void {
  const temporary = `${file}.tmp`
  try {
    rmSync(temporary, { force: true })
    const descriptor = openSync(temporary, 'wx', 0o600)
    try {
      writeFileSync(descriptor, `${formatPosition(position)}\n`)
      fsyncSync(descriptor)
    } finally {
      closeSync(descriptor)
    }
    renameSync(temporary, file)
  } catch (error) {
    throw new StateFileError(
      `The state file ${file} could not be written, so the rows after its position would be printed again. Check its folder and the disk.`,
      { cause: error },
    )
  }
}
