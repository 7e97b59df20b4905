import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { parseEndReport } from '../../src/domain/endReport.ts'
import type { NewSessionEnd } from '../../src/domain/sessionEnd.ts'
import { recordSessionEnd } from '../../src/recording/recordSessionEnd.ts'

test('The time to check a token counts neither as clock skew nor as later receipt', async () => {
  const acme = {
    origins: [],
    idleTimeoutSeconds: 1800,
    ticketKeys: [],
    requireTicket: false,
    recordLogouts: false,
    ip: 'none',
  } as const
  const sentAt = Date.now()
  const times = {
    startedAt: sentAt - 7_200_000,
    lastAccessAt: sentAt - 3_600_000,
    detectedAt: sentAt,
    sentAt,
  }
  const report = parseEndReport({ site: 'acme', detectedBy: 'server', session: 's_1', ...times }, 'server')
  const written: NewSessionEnd[] = []
  await recordSessionEnd(
    {
      receive: async () => ({
        report,
        receivedAt: sentAt + 20,
        origin: '',
        address: '203.0.113.7',
        userAgent: '',
        isFromDashboard: () => false,
        authorizeServer: () => sleep(300),
      }),
      answer: () => {},
      acknowledge: () => {},
    },
    {
      sites: { acme },
      writer: {
        async write(sessionEnd) {
          written.push(sessionEnd)
          return { row: { id: 1, ...sessionEnd }, duplicate: false }
        },
      },
    },
  )
  expect(written).toMatchObject([
    { clockSkewMs: 20, receivedAt: new Date(sentAt + 20), reason: 'idle_timeout' },
  ])
})
