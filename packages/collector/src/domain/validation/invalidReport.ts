import { LapseError } from '../errors.ts'
import type { Fault } from './validate.ts'

/** Creates the error that names every invalid field of a report. */
export function createInvalidReportError(faults: readonly Fault[]): LapseError {
  const errors = faults.map(({ path, detail }) => ({
    pointer: `#${path.map((key) => `/${String(key)}`).join('')}`,
    detail,
  }))
  const fields = errors.map(({ pointer }) => pointer.slice(2) || 'the whole body')
  const message = `Correct these fields and send the report again: ${fields.join(', ')}.`
  return new LapseError('invalid-event', message, { errors })
}
