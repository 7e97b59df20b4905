import type { ListedSessionEnd } from '../listedSessionEnd.ts'
import {
  computeDurationMs,
  computeEnd,
  describeSessionEnd,
  listLabels,
  pickOtherFields,
} from './describeSessionEnd.ts'

/** The version of the Elastic Common Schema: https://www.elastic.co/docs/reference/ecs */
const version = '9.4.0'

/**
 * Maps a row to an event of the Elastic Common Schema. Fields without a place in the schema, such as the session's id,
 * are under `lapse`. A correction has the tag `lapse-correction`: the schema has no other place for it, because sessions
 * start and end, but do not change.
 */
export function toEcs(row: ListedSessionEnd) {
  const durationMs = computeDurationMs(row)
  const { subject, ip } = row
  return {
    '@timestamp': row.detectedAt,
    ecs: { version },
    message: describeSessionEnd(row),
    tags: listLabels(row),
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
      end: computeEnd(row),
      // In nanoseconds.
      duration: durationMs === undefined ? undefined : durationMs * 1e6,
    },
    service: { name: row.site },
    ...(subject !== null && { user: { id: subject } }),
    ...(ip !== null && { client: { ip }, source: { ip } }),
    ...((subject !== null || ip !== null) && {
      related: { user: subject === null ? undefined : [subject], ip: ip === null ? undefined : [ip] },
    }),
    ...(row.origin !== null && { url: parseOrigin(row.origin) }),
    ...(row.userAgent !== null && { user_agent: { original: row.userAgent } }),
    lapse: pickOtherFields(row),
  }
}

function parseOrigin(origin: string) {
  const url = URL.parse(origin)
  return { original: origin, scheme: url?.protocol.slice(0, -1), domain: url?.hostname }
}
