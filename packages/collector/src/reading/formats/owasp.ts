import type { ListedSessionEnd } from '../listedSessionEnd.ts'
import { describeSessionEnd, pickOtherFields } from './describeSessionEnd.ts'

/**
 * Maps a row to an event of the OWASP logging vocabulary, which has no versions:
 * https://cheatsheetseries.owasp.org/cheatsheets/Logging_Vocabulary_Cheat_Sheet.html
 *
 * The vocabulary has no event for corrections. They are `session_expired` events whose `description` says so, and with
 * the id of the corrected row in `lapse.supersedes`.
 */
export function toOwasp(row: ListedSessionEnd) {
  const url = row.origin === null ? null : URL.parse(row.origin)
  return {
    datetime: row.detectedAt.toISOString().replace('Z', '+00:00'),
    appid: row.site,
    event: `session_expired:${encodeArgument(row.subject ?? '')},${row.reason}`,
    level: 'INFO',
    description: describeSessionEnd(row),
    useragent: row.userAgent,
    source_ip: row.ip,
    hostname: url?.hostname,
    protocol: url?.protocol.slice(0, -1),
    lapse: { id: row.id, ...pickOtherFields(row) },
  }
}

/** Percent-encodes commas, because the vocabulary has no escape for them in arguments. */
function encodeArgument(text: string): string {
  return text.replace(/[%,]/g, encodeURIComponent)
}
