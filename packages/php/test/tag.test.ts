import { jwtVerify } from 'jose'
import { describe, expect, test } from 'vitest'
import { ticketSecret } from './phpCollector.ts'
import { type LapseArguments, runLapsePhp } from './runPhp.ts'

const args = { site: 'acme', collector: 'https://lapse.acme.com/', idleTimeoutSeconds: 1800 }

async function render(call: string, changes: LapseArguments = {}, environment = {}): Promise<string> {
  const script = `echo $lapse->tag(${call});`
  const { output, log } = await runLapsePhp({ ...args, ...changes }, script, { environment })
  expect(log).toBe('')
  return output
}

describe('The tag', () => {
  test('states that there is no session', async () => {
    expect(await render('null')).toBe(
      '<script src="https://lapse.acme.com/lapse.js" defer data-site="acme" data-idle-timeout-seconds="1800" data-state="absent"></script>',
    )
  })

  test('states the session, and a nonce', async () => {
    expect(await render(`['subject' => 42, 'session' => 'a1f'], nonce: 'bm9uY2U='`)).toBe(
      '<script src="https://lapse.acme.com/lapse.js" defer nonce="bm9uY2U=" data-site="acme" data-idle-timeout-seconds="1800" data-state="active" data-subject="42" data-session="a1f"></script>',
    )
  })

  test('has the same ticket on each page of a session', async () => {
    const call = `['subject' => 'u_42', 'session' => 'a1f', 'startedAt' => 1767340800000]`
    const [first, second] = [await render(call, { ticketSecret }), await render(call, { ticketSecret })]
    expect(second).toBe(first)
    const ticket = /data-ticket="([^"]+)"/.exec(first)?.[1] ?? ''
    const { payload } = await jwtVerify(ticket, new TextEncoder().encode(ticketSecret))
    expect(payload).toMatchObject({ sub: 'u_42', sid: 'a1f', iat: 1_767_340_800 })
  })

  test('accepts what createSession() returns', async () => {
    const tag = await render(`$lapse->createSession(subject: 'u_42')`, { ticketSecret })
    expect(tag).toMatch(/ data-subject="u_42" data-session="[0-9a-f]{32}" data-ticket="eyJ[\w.-]+"/)
  })

  test('has further attributes, which replace its own', async () => {
    const attributes = `['data-touch-on' => 'load', 'data-requests' => 'a|"b"', 'data-heartbeat-seconds' => true,
      'data-idle-timeout-seconds' => 600, 'defer' => false, 'data-collector' => null]`
    expect(await render(`null, attributes: ${attributes}`)).toBe(
      '<script src="https://lapse.acme.com/lapse.js" data-site="acme" data-idle-timeout-seconds="600" data-state="absent" data-touch-on="load" data-requests="a|&quot;b&quot;" data-heartbeat-seconds></script>',
    )
  })

  test.each([`"><script>alert(1)</script>`, `' onload='alert(1)`, '</script><!--', '&quot;&#34;', '`x`=1'])(
    'contains a hostile id only as text: %s',
    async (id) => {
      const tag = await render(`['subject' => getenv('ID'), 'session' => getenv('ID')]`, {}, { ID: id })
      const values = [...tag.matchAll(/ data-(?:subject|session)="([^"<>]*)"/g)].map(
        ([, value = '']) => value,
      )
      expect(values).toHaveLength(2)
      for (const value of values) expect(decodeHtml(value)).toBe(id)
      expect(tag.match(/[<>]/g)).toEqual(['<', '>', '<', '>'])
      expect(tag).not.toMatch(/'/)
    },
  )
})

function decodeHtml(text: string): string {
  const characters: Record<string, string> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' }
  return text.replaceAll(/&(\w+);/g, (entity, name: string) => characters[name] ?? entity)
}
