import { once } from 'node:events'
import { request } from 'node:http'
import { expect, onTestFinished, test } from 'vitest'
import { createCollector, createReport, issueToken } from '../support/collector.ts'

test('Responses, log lines and metrics stay small, no matter what a client sends', async () => {
  const collector = await createCollector({ name: 'SQLite' })
  onTestFinished(collector.end)
  const { token } = await issueToken(collector.store)
  const headers = { Authorization: `Bearer ${token}` }
  const long = 'x'.repeat(8_000)
  const parameters = Array.from({ length: 1_500 }, (_, index) => `p${index}=1`).join('&')
  const critical = Buffer.from(JSON.stringify({ alg: 'HS256', crit: [long.slice(0, 4_000)], kid: 'a' }))
  const ticket = `${critical.toString('base64url')}.e30.e30`
  const answers = await Promise.all([
    collector.post(createReport(), { Origin: `https://${long}` }),
    collector.post(createReport({ site: 'signed', ticket })),
    collector.post(JSON.stringify({ [long.slice(0, 4_000)]: 1 })),
    fetch(`${collector.url}/v1/lapses?${parameters}`, { headers }),
    fetch(`${collector.url}/v1/lapses?${long}=1`, { headers }),
    fetch(`${collector.url}/v1/lapses?site=${long}`, { headers }),
    fetch(`${collector.url}/${long}`),
    fetch(`${collector.url}/v1/lapses/${long}`, { headers }),
  ])
  for (const answer of answers) {
    expect(answer.status).toBeGreaterThanOrEqual(400)
    expect(answer.status).toBeLessThan(500)
    expect((await answer.text()).length, answer.url.slice(0, 100)).toBeLessThan(8_192)
  }
  const methods = ['MKCALENDAR', 'PROPFIND', 'SUBSCRIBE', 'PURGE', 'TRACE', 'LOCK']
  for (const method of methods) {
    const sent = request(`${collector.url}/v1/lapses`, { method }).end()
    const [answer] = await once(sent, 'response')
    answer.resume()
  }
  for (const line of collector.logLines) expect(line.length, line.slice(0, 100)).toBeLessThan(2_048)
  const metrics = await (await fetch(`${collector.url}/metrics`)).text()
  for (const method of methods) expect(metrics).not.toMatch(method)
  expect(metrics).toMatch('method="other"')
  expect(metrics).not.toMatch('xxxx')
})
