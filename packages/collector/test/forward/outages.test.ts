import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Knex } from 'knex'
import { describe, expect, test } from 'vitest'
import { startLapseServe, stopLapseServe } from '../../../../test/collector.ts'
import { createDatabase } from '../../../../test/databases.ts'
import { waitUntil } from '../../../../test/engines/engine.ts'
import { findFreePort, type ServerKind, serverKinds } from '../../../../test/servers.ts'
import { createConfig, environment } from '../support/collector.ts'
import { runLapseIn, writeConfigIn } from '../support/command.ts'
import { insertRows } from '../support/rows.ts'

const receiverPath = fileURLToPath(new URL('receiver.ts', import.meta.url))
const engines: readonly Partial<ServerKind>[] = [{ name: 'SQLite' }, ...serverKinds]

describe('Outages', () => {
  // Everything mostly waits, so the databases are tested at the same time.
  test.concurrent.each(engines)(
    'Every row arrives, in order per session, although the receiver, the collector and the database $name are killed',
    async ({ start }) => {
      const folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
      const server = await start?.(join(folder, 'server'))
      const database = await createDatabase(server ?? { name: 'SQLite' }, folder)
      const [port, receiverPort] = [await findFreePort(), await findFreePort()]
      const url = `http://127.0.0.1:${receiverPort}`
      const configFile = writeConfigIn(folder, {
        ...createConfig(database.url, { listen: { port } }),
        forward: { siem: { type: 'webhook', url, secret: 'env:WEBHOOK_SECRET' } },
      })
      const file = join(folder, 'received')
      const startReceiver = () => spawn(process.execPath, [receiverPath, String(receiverPort), file])
      const serve = () => startLapseServe(configFile, `http://127.0.0.1:${port}`, environment)
      let receiver: ChildProcess | undefined
      let collector: ChildProcess | undefined
      try {
        expect((await runLapseIn(folder, ['migrate'], environment)).status).toBe(0)
        receiver = startReceiver()
        collector = await serve()
        const writer = startWriting(database.sql)
        await waitUntil(async () => readReceived(file).length > 5, 'the first rows')

        await kill(receiver)
        await sleep(1_000)
        receiver = startReceiver()
        await kill(collector)
        collector = await serve()
        if (server) {
          await server.signal('SIGKILL')
          await sleep(500)
          await server.startAgain()
        }
        await sleep(500)
        const written = await writer.stop()

        const expected = new Set(written)
        await waitUntil(
          async () =>
            readReceived(file).every((row) => expected.has(row)) &&
            new Set(readReceived(file)).size === expected.size,
          'all rows',
          40_000,
        )
        for (const [session, revisions] of groupBySession(readReceived(file)))
          expect({ session, revisions }).toEqual({ session, revisions: revisions.toSorted() })
        await stopLapseServe(collector)
      } finally {
        await Promise.all([receiver, collector].map((child) => child && kill(child)))
        await database.drop()
        await server?.end()
        rmSync(folder, { recursive: true })
      }
    },
  )
})

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}

/** Writes rows of sessions that are corrected twice, with pauses, until it is stopped. */
function startWriting(sql: Knex) {
  const written: string[] = []
  let isStopping = false
  async function write(): Promise<void> {
    for (let step = 1; !isStopping; step++) {
      // Three sessions at a time are at different revisions.
      const rows = [0, 1, 2]
        .filter((age) => step > age)
        .map((age) => {
          const id = (step - age) * 3 + age
          return {
            id,
            session: `s${step - age}`,
            revision: age + 1,
            supersedes: age === 0 ? null : id - 1,
            detected_at: Date.now(),
          }
        })
      await insertUntilStored(sql, rows)
      written.push(...rows.map(({ session, revision }) => formatRow(session, revision)))
      await sleep(200)
    }
  }
  const writing = write()
  return {
    async stop(): Promise<readonly string[]> {
      isStopping = true
      await writing
      return written
    },
  }
}

type Rows = Parameters<typeof insertRows>[1]

async function insertUntilStored(sql: Knex, rows: Rows): Promise<void> {
  const ids = rows.map(({ id }) => Number(id))
  for (;;) {
    try {
      // The failed attempt may have stored them.
      if ((await sql('session_audit').whereIn('id', ids)).length === 0) await insertRows(sql, rows)
      return
    } catch {
      await sleep(500)
    }
  }
}

const formatRow = (session: string, revision: number) => `${session} ${revision}`

/** Reads the rows that have arrived, in order, without repeats. */
function readReceived(file: string): string[] {
  if (!existsSync(file)) return []
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1)
  const rows = lines.map((line) => JSON.parse(line))
  return [...new Set(rows.map(({ session, revision }) => formatRow(session, revision)))]
}

function groupBySession(rows: readonly string[]): Map<string, string[]> {
  const sessions = new Map<string, string[]>()
  for (const row of rows) {
    const [session = '', revision = ''] = row.split(' ')
    sessions.set(session, [...(sessions.get(session) ?? []), revision])
  }
  return sessions
}
