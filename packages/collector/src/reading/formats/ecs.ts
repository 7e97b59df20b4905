import type { SessionEnd } from '../../domain/sessionEnd.ts'
import { detailsOf, durationMs, endOf, sentenceOf } from './describeSessionEnd.ts'

/** The version of the Elastic Common Schema: https://www.elastic.co/docs/reference/ecs */
const version = '9.4.0'

/**
 * A row as the Elastic Common Schema has it. The schema has no place for the id of a web session; that, and the rest of
 * the columns, are under `lapse`.
 */
export function toEcs(row: SessionEnd) {
  const duration = durationMs(row)
  const { subject, ip } = row
  return {
    '@timestamp': row.detectedAt,
    ecs: { version },
    message: sentenceOf(row),
    event: {
      kind: 'event',
      category: ['session'],
      type: ['end'],
      action: row.reason,
      outcome: row.reason === 'clock_anomaly' ? 'unknown' : 'success',
      id: String(row.id),
      provider: 'lapse',
      dataset: 'lapse.session_audit',
      created: row.receivedAt,
      start: row.startedAt,
      end: endOf(row),
      // In nanoseconds.
      duration: duration === undefined ? undefined : duration * 1e6,
    },
    service: { name: row.site },
    ...(subject !== null && { user: { id: subject } }),
    ...(ip !== null && { client: { ip }, source: { ip } }),
    ...((subject !== null || ip !== null) && {
      related: { user: subject === null ? undefined : [subject], ip: ip === null ? undefined : [ip] },
    }),
    ...(row.origin !== null && { url: urlOf(row.origin) }),
    ...(row.userAgent !== null && { user_agent: { original: row.userAgent } }),
    lapse: detailsOf(row),
  }
}

function urlOf(origin: string) {
  const url = URL.parse(origin)
  return { original: origin, scheme: url?.protocol.slice(0, -1), domain: url?.hostname }
}
