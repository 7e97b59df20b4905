import { describe, expect, test } from 'vitest'
import { ticketSecret } from './phpCollector.ts'
import { lapsePhpPath, runPhp } from './runPhp.ts'

/** Runs PHP code that throws, and returns the class of the exception with its message. */
async function findThrown(code: string): Promise<string> {
  const { output } = await runPhp(`<?php
declare(strict_types=1);
require ${JSON.stringify(lapsePhpPath)};
use Lapse\\Lapse;
$site = ['site' => 'acme', 'collector' => 'https://lapse.acme.com'];
$lapse = new Lapse(...$site, token: 'lapse_token', ticketSecret: '${ticketSecret}');
$tagged = new Lapse(...$site);
try { ${code}; echo 'nothing'; } catch (\\Throwable $error) { echo $error::class, ': ', $error->getMessage(); }
`)
  return output
}

const wrongCalls: readonly (readonly [code: string, message: RegExp])[] = [
  [`new Lapse(...$site, ticketSecret: 'short')`, /ticketSecret must have at least 32 bytes/],
  [
    `new Lapse(...$site, ticketSecret: getenv('NO_SUCH_VARIABLE'))`,
    /ticketSecret must .* environment variable/,
  ],
  [`new Lapse(...$site, token: getenv('NO_SUCH_VARIABLE'))`, /token is empty: .* "lapse token create/],
  [`new Lapse(...$site, token: "lapse_token\\n")`, /token has a space, a line break .*: remove it/],
  [`new Lapse(site: "acme\\n", collector: 'https://lapse.acme.com')`, /site must be the name of the site/],
  [`new Lapse(site: '../acme', collector: 'https://lapse.acme.com')`, /site must be the name of the site/],
  ...[
    '/lapse',
    'lapse.acme.com',
    'ftp://lapse.acme.com',
    'https://u:p@acme.com',
    'https://acme.com?x',
    '',
  ].map(
    (url) =>
      [`new Lapse(site: 'acme', collector: '${url}')`, /collector must be an absolute URL such as/] as const,
  ),
  [`new Lapse(site: 'acme', collector: "https://acme.com\\r\\nX: y")`, /collector must be an absolute URL/],
  [
    `new Lapse(...$site, idleTimeoutSeconds: 0)`,
    /idleTimeoutSeconds must be a number of seconds, at least 1/,
  ],
  [`new Lapse(...$site, queue: 'queue')`, /queue must be the absolute path of a folder/],
  [`new Lapse(...$site, maxQueueBytes: 10)`, /maxQueueBytes must be at least 65536/],
  [`new Lapse(...$site, timeoutSeconds: 0)`, /timeoutSeconds must be at least/],
  [`$lapse->createSession(1.5)`, /subject must be a string or an integer, not float/],
  [`$lapse->active(null, 'a1f')`, /subject must be a string or an integer, not null/],
  [`$lapse->active('u_42', true)`, /session must be a string or an integer, not bool/],
  [`$lapse->active('u_42', '')`, /session must be 1 to 255 characters/],
  [`$lapse->active(str_repeat('x', 256), 'a1f')`, /subject must be 1 to 255 characters/],
  [`$lapse->ended("a1f\\n")`, /session must be .* without control characters/],
  [`$lapse->ticket("u\\0", 'a1f')`, /subject must be .* without control characters/],
  [`$lapse->ticket("\\u{202E}u", 'a1f')`, /subject must be .* without control characters/],
  [`$lapse->ticket("\\xFF\\xFE", 'a1f')`, /subject must be .* UTF-8 .*bin2hex/],
  [`$lapse->ticket('u_42', 'a1f', time())`, /startedAt is before the year 2000: .* Multiply it by 1000/],
  [`$lapse->active('u_42', 'a1f', lastAccessAt: time())`, /lastAccessAt is before the year 2000/],
  [
    `$lapse->ended('a1f', reason: 'logout', detectedAt: time() * 1000000)`,
    /detectedAt is after the year 9999/,
  ],
  [`$lapse->ended('a1f', reason: 'timeout')`, /reason must be one of idle_timeout, absolute_timeout, logout/],
  [`$lapse->ended('a1f')`, /lastAccessAt is missing: pass it, or pass a reason/],
  [`$lapse->tag(['subject' => 'u_42'])`, /session must be a string or an integer, not null/],
  [
    `$lapse->tag(['subject' => 'u_42', 'session' => 'a1f'])`,
    /startedAt is missing: all tickets of a session/,
  ],
  [`$lapse->tag(null, nonce: '"><script>')`, /nonce must be in Base64/],
  [`$lapse->tag(null, attributes: ['x><script' => 1])`, /attributes has an invalid name/],
  [`$tagged->ticket('u_42', 'a1f')`, /ticketSecret is missing: pass the secret/],
  [`$tagged->active('u_42', 'a1f')`, /token is missing: active\(\) needs one/],
  [`$tagged->ended('a1f', reason: 'logout')`, /token is missing: ended\(\) needs one/],
]

describe('A wrong argument', () => {
  test.each(wrongCalls)(
    'throws an InvalidArgumentException that says what to do: %s',
    async (code, message) => {
      const thrown = await findThrown(code)
      expect(thrown).toMatch(/^InvalidArgumentException: /)
      expect(thrown).toMatch(message)
      expect(thrown).not.toContain(ticketSecret)
    },
  )

  test('may be a string or an integer, if it is an id', async () => {
    const accepted = `$lapse->ticket(42, 7); $lapse->ticket('😀', str_repeat('é', 255)); $lapse->createSession(42)`
    expect(await findThrown(accepted)).toBe('nothing')
  })
})

test('The secrets are in no dump of the object', async () => {
  const { output } = await runPhp(`<?php
require ${JSON.stringify(lapsePhpPath)};
$lapse = new Lapse\\Lapse(site: 'acme', collector: 'https://lapse.acme.com', token: 'lapse_token', ticketSecret: '${ticketSecret}');
var_dump($lapse); print_r($lapse);
`)
  expect(output).toContain('https://lapse.acme.com')
  expect(output).not.toContain('lapse_token')
  expect(output).not.toContain(ticketSecret)
})
