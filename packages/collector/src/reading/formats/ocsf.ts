import type { ListedSessionEnd } from '../listedSessionEnd.ts'
import {
  computeDurationMs,
  computeEnd,
  describeSessionEnd,
  listLabels,
  pickOtherFields,
} from './describeSessionEnd.ts'

/** The version of the Open Cybersecurity Schema Framework: https://schema.ocsf.io/1.9.0/classes/authentication */
const version = '1.9.0'

const classUid = 3002
const activityId = 2

/**
 * Maps a row to a Logoff event of the class Authentication. Times are epoch milliseconds. Fields without a place in the
 * class are under `unmapped`. A correction is a Logoff too, with the label `lapse-correction`.
 */
export function toOcsf(row: ListedSessionEnd) {
  const isClear = row.reason !== 'clock_anomaly'
  return {
    category_uid: 3,
    category_name: 'Identity & Access Management',
    class_uid: classUid,
    class_name: 'Authentication',
    activity_id: activityId,
    activity_name: 'Logoff',
    type_uid: classUid * 100 + activityId,
    type_name: 'Authentication: Logoff',
    severity_id: 1,
    severity: 'Informational',
    status_id: isClear ? 1 : 0,
    status: isClear ? 'Success' : 'Unknown',
    time: row.detectedAt.getTime(),
    start_time: row.startedAt?.getTime(),
    end_time: computeEnd(row).getTime(),
    duration: computeDurationMs(row),
    message: describeSessionEnd(row),
    metadata: {
      version,
      product: { name: 'Lapse', vendor_name: 'Lapse' },
      uid: String(row.id),
      logged_time: row.receivedAt.getTime(),
      labels: listLabels(row),
    },
    // The class requires a user with a name or an id.
    user: row.subject === null ? { name: 'unknown', type_id: 0 } : { uid: row.subject, type_id: 1 },
    session: {
      uid: row.sessionKey,
      created_time: row.startedAt?.getTime(),
      expiration_time: row.expiredAt?.getTime(),
      expiration_reason: row.reason,
      is_remote: true,
    },
    is_remote: true,
    service: { name: row.site },
    ...(row.ip !== null && { src_endpoint: { ip: row.ip } }),
    ...(row.userAgent !== null && { http_request: { user_agent: row.userAgent } }),
    unmapped: { ...pickOtherFields(row), origin: row.origin },
  }
}
