import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { decideEnd } from '../../src/domain/decisions/decideEnd.ts'
import { type Change, emptyRecords } from '../../src/domain/decisions/sessionState.ts'
import { parseEndReport } from '../../src/domain/endReport.ts'
import { verifyTicket } from '../../src/domain/ticket.ts'
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
  const written: Change[] = []
  await recordSessionEnd(
    {
      report,
      receivedAt: sentAt + 20,
      origin: '',
      address: '203.0.113.7',
      userAgent: '',
      isFromDashboard: () => false,
      authorizeServer: () => sleep(300),
    },
    {
      sites: { acme },
      writer: {
        async write({ end }) {
          const { changes, answer } = decideEnd({ own: emptyRecords, underMarker: emptyRecords }, end)
          written.push(...changes)
          if (answer.kind !== 'recorded') throw new Error('The report was not recorded.')
          return { kind: 'recorded', row: { id: 1, ...answer.row }, duplicate: false }
        },
      },
      verifyTicket,
      observeRefusal: () => {},
    },
  )
  expect(written).toMatchObject([
    {
      kind: 'insertRow',
      row: { clockSkewMs: 20, receivedAt: new Date(sentAt + 20), reason: 'idle_timeout' },
    },
  ])
})
