import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer as createHttpServer, type RequestListener } from 'node:http'
import { createServer } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createCertificateAuthority } from '../../../../test/certificates.ts'
import { listen } from '../../../../test/listen.ts'
import { computeBackoffMs } from '../../src/forward/computeBackoff.ts'
import { createSender } from '../../src/forward/createSender.ts'
import { exampleSessionEnd } from '../../src/http/openapi/exampleSessionEnd.ts'
import { listedSessionEndSchema } from '../../src/reading/listedSessionEnd.ts'
import { webhookSecret } from '../support/collector.ts'

const { signal } = new AbortController()
const rows = [listedSessionEndSchema.parse(exampleSessionEnd)]

async function startServer(answer: RequestListener, tls?: { readonly cert: Buffer; readonly key: Buffer }) {
  const server = tls ? createServer(tls, answer) : createHttpServer(answer)
  const listening = await listen(server)
  onTestFinished(listening.close)
  return tls ? listening.url.replace('http://127.0.0.1', 'https://localhost') : listening.url
}

const send = (url: string) =>
  createSender({
    type: 'webhook',
    url: `${url}/hook?key=url-secret`,
    secret: webhookSecret,
    authorization: 'Bearer header-secret',
  }).send(rows, signal)

describe('A webhook', () => {
  test('is not sent to a receiver whose certificate cannot be verified', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const { certPath, keyPath } = createCertificateAuthority(folder).issue('receiver', 'DNS:localhost')
    let requests = 0
    const tls = { cert: readFileSync(certPath), key: readFileSync(keyPath) }
    const url = await startServer((_, response) => {
      requests++
      response.end()
    }, tls)
    const { undelivered, failure } = await send(url)
    expect({ undelivered, code: failure?.code, requests }).toEqual({
      undelivered: rows,
      code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      requests: 0,
    })
  })

  test('does not follow a redirect to another host', async () => {
    let requests = 0
    const other = await startServer((_, response) => {
      requests++
      response.end()
    })
    for (const status of [301, 302, 303, 307, 308]) {
      const url = await startServer((_, response) => response.writeHead(status, { Location: other }).end())
      expect((await send(url)).failure?.message).toMatch(
        `status ${status}, a redirect, which is not followed`,
      )
    }
    expect(requests).toBe(0)
  })

  test.each([
    ['7', 7_000],
    ['100000000', 3_600_000],
    [new Date(Date.now() + 60_000).toUTCString(), expect.closeTo(59_000, -4)],
    ['soon', undefined],
  ])('is sent again after the time in Retry-After: %s', async (header, retryAfterMs) => {
    const url = await startServer((_, response) => response.writeHead(429, { 'Retry-After': header }).end())
    const { failure } = await send(url)
    expect(failure?.retryAfterMs).toEqual(retryAfterMs)
    expect(computeBackoffMs(1, failure?.retryAfterMs)).toBeGreaterThanOrEqual(failure?.retryAfterMs ?? 500)
  })

  test('is confirmed by the status, however long the response is', async () => {
    let closed: Promise<unknown> | undefined
    const url = await startServer((_, response) => {
      closed = once(response, 'close')
      const write = () => {
        while (!response.destroyed && response.write('x'.repeat(16_384)));
      }
      response.on('drain', write)
      write()
    })
    expect((await send(url)).undelivered).toEqual([])
    await closed
  })

  test('tells in its errors neither the secrets, nor the URL, nor what the receiver has sent', async () => {
    const refusing = await startServer((_, response) => response.writeHead(500, 'stolen').end('stolen'))
    for (const url of [refusing, 'http://127.0.0.1:9', 'http://nowhere.invalid']) {
      const { failure } = await send(url)
      const text = `${failure?.stack} ${JSON.stringify(failure)} ${String(failure?.cause)}`
      expect(failure?.message).toMatch(/^The (receiver responded with|connection to the receiver failed)/)
      for (const secret of ['url-secret', 'header-secret', webhookSecret, 'stolen'])
        expect(text).not.toContain(secret)
    }
  })
})

test('The time between attempts doubles up to a minute, and half of it is random', () => {
  expect([1, 2, 3, 7, 100].map((failures) => computeBackoffMs(failures, 0, 0))).toEqual([
    500, 1_000, 2_000, 30_000, 30_000,
  ])
  expect(computeBackoffMs(100, 0, 1)).toBe(60_000)
})
