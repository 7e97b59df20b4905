import type { SessionEnd } from '../../domain/sessionEnd.ts'
import { detailsOf, sentenceOf } from './describeSessionEnd.ts'

/**
 * A row in the OWASP logging vocabulary, which has no versions:
 * https://cheatsheetseries.owasp.org/cheatsheets/Logging_Vocabulary_Cheat_Sheet.html
 */
export function toOwasp(row: SessionEnd) {
  const url = row.origin === null ? null : URL.parse(row.origin)
  return {
    datetime: row.detectedAt.toISOString().replace('Z', '+00:00'),
    appid: row.site,
    event: `session_expired:${argument(row.subject ?? '')},${row.reason}`,
    level: 'INFO',
    description: sentenceOf(row),
    useragent: row.userAgent,
    source_ip: row.ip,
    hostname: url?.hostname,
    protocol: url?.protocol.slice(0, -1),
    lapse: { id: row.id, ...detailsOf(row) },
  }
}

/** The vocabulary has no way to write a comma in an argument; it is percent-encoded. */
function argument(text: string): string {
  return text.replace(/[%,]/g, encodeURIComponent)
}
