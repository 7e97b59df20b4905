import { once } from 'node:events'
import { connect, createServer } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { watchFetch, watchRequest } from '@lapse/server/authjs'
import { expect, test } from 'vitest'

test('watchRequest passes on a request over HTTP/2', async () => {
  const server = createServer((request, response) => {
    // Servers for HTTP/2 pass compatible objects to middleware of Connect.
    watchRequest(request as never, response as never, () => response.end('passed on'))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  const [body] = await once(client.request({ ':path': '/' }), 'data')
  expect(String(body)).toBe('passed on')
  client.close()
  server.close()
})

test('watchFetch passes on that middleware answers nothing', async () => {
  expect(await watchFetch(new Request('http://localhost/'), () => undefined)).toBeUndefined()
})
