import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { findProgram } from '../../../../scripts/findProgram.ts'
import { createCertificateAuthority } from '../../../../test/certificates.ts'
import { waitUntil } from '../../../../test/engines/engine.ts'
import { readCodeBlocks } from '../../../../test/markdown.ts'
import { findFreePort } from '../../../../test/servers.ts'
import { createCollector } from '../support/collector.ts'
import { insertRows } from '../support/rows.ts'

const noon = Date.UTC(2026, 0, 2, 12)

test('rsyslog with the configuration of the guide receives every row as an ECS event, before and after it is restarted', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const authority = createCertificateAuthority(folder)
  const port = await findFreePort()
  const configFile = writeGuideConfig(folder, port)
  authority.issue('server', 'DNS:localhost')
  let rsyslog = await startRsyslog(folder, configFile, port)
  onTestFinished(() => stop(rsyslog))

  const tls = { caPath: authority.caPath, ...authority.issue('client', 'DNS:lapse.acme.com') }
  const collector = await createCollector(
    { name: 'SQLite' },
    { forward: { log: { type: 'syslog', host: 'localhost', port, tls } } },
  )
  onTestFinished(() => collector.end())
  const insert = (session: string) => {
    const columns = { session, subject: 'ä\u2028', user_agent: 'x'.repeat(20_000), detected_at: noon }
    return insertRows(collector.database.sql, [columns])
  }
  const waitForEvents = (...sessions: readonly string[]) =>
    waitUntil(
      async () =>
        sessions.every((session) => readEvents(folder).some(({ lapse }) => lapse.session === session)),
      `the events of ${sessions.join(', ')}`,
    )

  await insert('before')
  await waitForEvents('before')
  await stop(rsyslog)
  await insert('meanwhile')
  await waitUntil(
    async () => collector.logLines.some((line) => line.includes('could not be sent')),
    'a failed attempt',
  )
  rsyslog = await startRsyslog(folder, configFile, port)
  await insert('after')
  await waitForEvents('before', 'meanwhile', 'after')
  expect(readEvents(folder)).toMatchObject(
    ['before', 'meanwhile', 'after'].map((session) => ({
      event: { action: 'idle_timeout' },
      user: { id: 'ä\u2028' },
      user_agent: { original: 'x'.repeat(20_000) },
      lapse: { session },
    })),
  )
  expect(collector.logLines.join('\n')).toMatch('rows can be sent to this destination again')
})

/** Writes the recipe of the guide with the paths and the port of this test. */
function writeGuideConfig(folder: string, port: number): string {
  const recipe = readCodeBlocks().find(
    ({ file, code }) => file === 'docs/guides/siem.md' && code.includes('load="imtcp"'),
  )?.code
  const config = (recipe ?? '')
    .replaceAll('/etc/rsyslog-tls', folder)
    .replace('port="6514"', `port="${port}" address="127.0.0.1"`)
    .replace('/var/log/lapse.ndjson', join(folder, 'lapse.ndjson'))
  const file = join(folder, 'rsyslog.conf')
  // Debian's own configuration sets this.
  writeFileSync(file, `global(workDirectory="${folder}")\n${config}`)
  return file
}

async function startRsyslog(folder: string, configFile: string, port: number): Promise<ChildProcess> {
  const args = ['-n', '-f', configFile, '-i', join(folder, 'rsyslog.pid')]
  const child = spawn(findProgram('rsyslogd'), args, { stdio: 'ignore' })
  await waitUntil(() => isListening(port), 'rsyslog')
  return child
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  await exited
}

interface EcsEvent {
  readonly event: { readonly id: string }
  readonly lapse: { readonly session: string }
}

function readEvents(folder: string): EcsEvent[] {
  const file = join(folder, 'lapse.ndjson')
  if (!existsSync(file)) return []
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1)
  const events: EcsEvent[] = lines.map((line) => JSON.parse(line))
  // A row that was not confirmed when rsyslog stopped comes again.
  return [...new Map(events.map((each) => [each.event.id, each])).values()]
}
