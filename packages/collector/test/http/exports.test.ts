import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { createCollector, type InProcessCollector, issueToken } from '../support/collector.ts'
import { postSignIn, postSignOut, readSetCookie } from '../support/dashboardCookie.ts'
import { insertRows } from '../support/rows.ts'

const site = { origins: ['https://app.acme.com'], idleTimeoutSeconds: 1800 }

describe.each(inject('databaseServers'))('A running export on $name', (server) => {
  let collector: InProcessCollector
  beforeAll(async () => {
    const lapse = { origins: ['https://lapse.acme.com'], idleTimeoutSeconds: 4 }
    collector = await createCollector(server, { sites: { acme: site, lapse } })
    // More than the buffers at both ends of a connection can hold.
    const rows = Array.from({ length: 20_000 }, (_, index) => ({
      session: `alias-${index}`,
      detected_at: Date.now() - index,
      user_agent: 'Mozilla/5.0 '.repeat(40),
    }))
    await insertRows(collector.database.sql, rows)
  })
  afterAll(() => collector.end())

  async function startExport(headers: Readonly<Record<string, string>>, format = 'ndjson') {
    const response = await fetch(`${collector.url}/v1/lapses?format=${format}`, { headers })
    expect(response.status).toBe(200)
    const reader = response.body?.getReader()
    await reader?.read()
    return {
      async readToEnd() {
        while (!(await reader?.read())?.done);
      },
    }
  }
  const createAuthorization = (token: string) => ({ Authorization: `Bearer ${token}` })

  test.each(['ndjson', 'csv'])('ends soon after its token is revoked, as %s', async (format) => {
    const { id, token } = await issueToken(collector.store)
    const running = await startExport(createAuthorization(token), format)
    await collector.store.tokens.revoke(id, new Date())
    await sleep(2000)
    await expect(running.readToEnd()).rejects.toThrow()
  })

  test('does not look complete to an HTTP/1.0 proxy when it ends early', async () => {
    const { id, token } = await issueToken(collector.store)
    const socket = connect(Number(new URL(collector.url).port), '127.0.0.1')
    socket.write(`GET /v1/lapses?format=csv HTTP/1.0\r\nAuthorization: Bearer ${token}\r\n\r\n`)
    await once(socket, 'data')
    socket.pause()
    await collector.store.tokens.revoke(id, new Date())
    await sleep(2000)
    await expect(socket.toArray()).rejects.toThrow('ECONNRESET')
  })

  test('ends soon after its token has expired', async () => {
    const { token } = await issueToken(collector.store, { expiresAt: new Date(Date.now() + 1000) })
    const running = await startExport(createAuthorization(token))
    await sleep(2500)
    await expect(running.readToEnd()).rejects.toThrow()
  })

  test('ends soon after its dashboard session is signed out', async () => {
    const cookie = readSetCookie(await postSignIn(collector.url, (await issueToken(collector.store)).token))
    const running = await startExport({ Cookie: cookie })
    await postSignOut(collector.url, cookie)
    await sleep(2000)
    await expect(running.readToEnd()).rejects.toThrow()
  })

  test('ends when its dashboard session has timed out', async () => {
    const cookie = readSetCookie(await postSignIn(collector.url, (await issueToken(collector.store)).token))
    const running = await startExport({ Cookie: cookie })
    await sleep(5500)
    await expect(running.readToEnd()).rejects.toThrow()
  })

  test('is complete if its reader stays authorized', async () => {
    const running = await startExport(createAuthorization((await issueToken(collector.store)).token))
    await sleep(2500)
    await running.readToEnd()
  })
})
