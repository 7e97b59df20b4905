import { isIP } from 'node:net'
import { EcsFlat, EcsVersion } from '@elastic/ecs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { reasons } from '../../src/domain/verdict.ts'
import { createCollector, type InProcessCollector, issueToken } from '../support/collector.ts'
import { ocsfAuthentication } from '../support/ocsf.ts'
import { insertRows } from '../support/rows.ts'

const noon = Date.UTC(2026, 0, 2, 12)

describe('An export for a SIEM', () => {
  let collector: InProcessCollector
  let token: string
  beforeAll(async () => {
    collector = await createCollector({ name: 'SQLite' })
    token = (await issueToken(collector.store)).token
    const timeouts = ['idle_timeout', 'absolute_timeout']
    await insertRows(collector.database.sql, [
      ...reasons.map((reason, index) => ({
        session: reason,
        reason,
        detected_at: noon - index,
        ...(timeouts.includes(reason) ? {} : { expired_at: null }),
      })),
      { session: 'bare', detected_at: noon - 100, reason: 'revoked', ...nothingKnown },
      { session: 'comma', detected_at: noon - 101, subject: 'a,b 100%' },
    ])
  })
  afterAll(() => collector.end())

  /** Reads all events, by their session. */
  async function readEvents(format: string): Promise<Map<string, Record<string, unknown>>> {
    const headers = { Authorization: `Bearer ${token}` }
    const response = await fetch(`${collector.url}/v1/lapses?format=${format}`, { headers })
    expect(response.headers.get('content-type')).toMatch('application/x-ndjson')
    const lines = (await response.text()).trimEnd().split('\n')
    const rows = [...reasons, 'bare', 'comma']
    expect(lines).toHaveLength(rows.length)
    return new Map(lines.map((line, index) => [String(rows[index]), JSON.parse(line)]))
  }

  test.each(['ecs', 'ocsf', 'owasp'])(
    'A request that accepts JSON gets a page of %s events as JSON',
    async (format) => {
      const headers = { Authorization: `Bearer ${token}`, Accept: 'application/json' }
      const response = await fetch(`${collector.url}/v1/lapses?limit=2&format=${format}`, { headers })
      expect(response.headers.get('content-type')).toMatch('application/json')
      const { lapses, next } = await response.json()
      expect(lapses).toEqual([...(await readEvents(format)).values()].slice(0, 2))
      expect(response.headers.get('link')).toMatch(next)
    },
  )

  test('ECS events contain only fields of the Elastic Common Schema', async () => {
    const events = await readEvents('ecs')
    for (const [session, event] of events) {
      for (const [name, value] of listFields(event)) {
        if (!name.startsWith('lapse.')) expect({ session, name, value }).toSatisfy(isEcsField)
      }
    }
    expect(events.get('idle_timeout')).toMatchObject({
      '@timestamp': '2026-01-02T11:59:59.996Z',
      ecs: { version: EcsVersion },
      event: {
        kind: 'event',
        category: ['session'],
        type: ['end'],
        action: 'idle_timeout',
        outcome: 'success',
        start: '2026-01-02T10:59:59.996Z',
        end: '2026-01-02T11:49:59.996Z',
        duration: 50 * 60_000 * 1e6,
      },
      user: { id: 'u_42' },
      client: { ip: '203.0.113.0' },
      url: { domain: 'app.acme.com' },
      lapse: { session: 'idle_timeout', evidence: 'self_reported', idle_timeout_seconds: 1800 },
    })
    expect(events.get('clock_anomaly')).toMatchObject({ event: { outcome: 'unknown' } })
    // If nobody ended the session, its last access counts as its end.
    expect(events.get('browser_closed')).toMatchObject({ event: { end: '2026-01-02T11:19:59.994Z' } })
    expect(events.get('logout')).toMatchObject({ event: { end: '2026-01-02T11:59:59.999Z' } })
    expect(events.get('bare')).not.toHaveProperty('user')
    const categories: { name: string; expected_event_types?: string[] }[] =
      EcsFlat['event.category'].allowed_values
    expect(categories.find(({ name }) => name === 'session')?.expected_event_types).toContain('end')
  })

  test('OCSF events are valid logoffs of the class Authentication', async () => {
    const events = await readEvents('ocsf')
    for (const event of events.values()) expect(ocsfAuthentication.safeParse(event).error).toBeUndefined()
    expect(events.get('idle_timeout')).toMatchObject({
      class_uid: 3002,
      activity_id: 2,
      type_uid: 300202,
      time: noon - 4,
      end_time: noon - 4 - 10 * 60_000,
      duration: 50 * 60_000,
      metadata: { version: '1.9.0', product: { name: 'Lapse' } },
      user: { uid: 'u_42' },
      session: {
        uid: 'idle_timeout',
        created_time: noon - 4 - 60 * 60_000,
        expiration_time: noon - 4 - 10 * 60_000,
        expiration_reason: 'idle_timeout',
      },
      service: { name: 'acme' },
      src_endpoint: { ip: '203.0.113.0' },
      unmapped: { evidence: 'self_reported', idle_timeout_seconds: 1800 },
    })
    expect(events.get('clock_anomaly')).toMatchObject({ status_id: 0 })
  })

  test('OWASP events follow the logging vocabulary', async () => {
    const events = await readEvents('owasp')
    expect(events.get('idle_timeout')).toMatchObject({
      datetime: '2026-01-02T11:59:59.996+00:00',
      appid: 'acme',
      event: 'session_expired:u_42,idle_timeout',
      level: 'INFO',
      description: 'The session of u_42 at acme ended: idle timeout.',
      useragent: 'Mozilla/5.0',
      source_ip: '203.0.113.0',
      hostname: 'app.acme.com',
      protocol: 'https',
    })
    expect(events.get('bare')?.event).toBe('session_expired:,revoked')
    expect(events.get('comma')?.event).toBe('session_expired:a%2Cb 100%25,idle_timeout')
  })
})

const nothingKnown = {
  subject: null,
  started_at: null,
  last_access_at: null,
  expired_at: null,
  elapsed_ms: null,
  idle_timeout_seconds: null,
  browser_restarted: null,
  origin: null,
  ip: null,
  user_agent: null,
  client_version: null,
}

/** Lists every value of an event with the dotted name of its field. */
function listFields(value: object, path = ''): [string, unknown][] {
  return Object.entries(value).flatMap(([key, inner]): [string, unknown][] =>
    typeof inner === 'object' && !Array.isArray(inner)
      ? listFields(inner, `${path}${key}.`)
      : [[`${path}${key}`, inner]],
  )
}

interface EcsField {
  readonly type: string
  readonly normalize: readonly string[]
  readonly allowed_values?: readonly { readonly name: string }[]
}

/** Whether the published schema has a field with this name that can hold this value. */
function isEcsField({ name, value }: { readonly name: string; readonly value: unknown }): boolean {
  const fields: Readonly<Record<string, EcsField>> = EcsFlat
  const field = fields[name]
  if (!field || Array.isArray(value) !== field.normalize.includes('array')) return false
  return [value].flat().every((one) => {
    const { allowed_values: allowed } = field
    if (allowed && !allowed.some(({ name: allowedName }) => allowedName === one)) return false
    if (field.type === 'long') return Number.isInteger(one)
    if (typeof one !== 'string') return false
    if (field.type === 'ip') return isIP(one) !== 0
    return field.type !== 'date' || new Date(one).toISOString() === one
  })
}
