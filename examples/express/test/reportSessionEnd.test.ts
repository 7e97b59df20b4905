import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test, vi } from 'vitest'
import { reportSessionEnd } from '../reportSessionEnd.ts'

const end = { site: 'shop', session: 'a1f', subject: 'u_42', reason: 'revoked' } as const

/** Starts a collector that responds with these statuses, one after the other. */
async function startFakeCollector(statuses: readonly number[]) {
  let requests = 0
  const server = createServer((_request, response) => {
    response.statusCode = statuses[requests] ?? 500
    requests += 1
    response.end()
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  return { collector: `http://127.0.0.1:${port}`, token: 'unused', countRequests: () => requests }
}

test.each([400, 413, 415, 422])(
  'A report that is refused with %i is logged and not sent again',
  async (status) => {
    const log = vi.spyOn(console, 'error').mockImplementation(() => {})
    onTestFinished(() => log.mockRestore())
    const { countRequests, ...collector } = await startFakeCollector([status, 201])
    await reportSessionEnd(collector, end)
    expect(log.mock.calls).toEqual([[expect.stringContaining(`responded with ${status}`)]])
    expect(countRequests()).toBe(1)
  },
)

test('A report that fails with 503 is sent again', async () => {
  const { countRequests, ...collector } = await startFakeCollector([503, 201])
  await reportSessionEnd(collector, end)
  expect(countRequests()).toBe(2)
})
