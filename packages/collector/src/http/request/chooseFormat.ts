import { LapseError } from '../../domain/errors.ts'
import type { FormatName } from '../../reading/formats/formats.ts'
import type { Context } from '../context.ts'

/** How rows are written. */
export interface Choice {
  readonly format: FormatName
  /** Whether the rows are elements of one JSON text. Each is written as in a line of NDJSON. */
  readonly isJson: boolean
}

const json: Choice = { format: 'ndjson', isJson: true }
const ndjson: Choice = { format: 'ndjson', isJson: false }
// NDJSON has no registered media type. Both of these are in use.
const choicesByMediaType = new Map<string, Choice>([
  ['application/json', json],
  ['application/x-ndjson', ndjson],
  ['application/ndjson', ndjson],
  ['text/csv', { format: 'csv', isJson: false }],
])

/**
 * Chooses the format of a list by the parameter `format`, or by the `Accept` header.
 *
 * @throws {LapseError} `not-acceptable`
 */
export function chooseFormat(ctx: Context, requested: FormatName | 'json' | undefined): Choice {
  if (requested === 'json') return json
  if (requested === 'ndjson' || requested === 'csv') return { format: requested, isJson: false }
  // Formats for a SIEM are NDJSON, unless the client prefers JSON.
  if (requested) {
    const preferred = findPreferredType(ctx, ['application/x-ndjson', 'application/json'])
    return { format: requested, isJson: preferred === 'application/json' }
  }
  const mediaTypes = [...choicesByMediaType.keys()]
  const choice = choicesByMediaType.get(findPreferredType(ctx, mediaTypes) ?? '')
  if (choice) return choice
  throw new LapseError('not-acceptable', `Accept one of these media types: ${mediaTypes.join(', ')}.`)
}

/** Finds the type that the client prefers. Parameters such as `charset` are ignored, because these types have none. */
function findPreferredType(ctx: Context, types: readonly string[]): string | undefined {
  const { accept } = ctx.req.headers
  if (accept !== undefined) ctx.req.headers.accept = accept.replaceAll(/;\s*(?!q\s*=)[^;,]*/gi, '')
  const type = ctx.accepts([...types])
  return typeof type === 'string' ? type : undefined
}
