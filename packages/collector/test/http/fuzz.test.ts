import type { ChildProcess } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { startLapseServe, stopLapseServe } from '../../../../test/collector.ts'
import { createDatabase, type TestDatabase } from '../../../../test/databases.ts'
import { findFreePort } from '../../../../test/servers.ts'
import { openStore, parseConfig, type Store } from '../../src/index.ts'
import {
  createConfig,
  createReport,
  environment,
  issueToken,
  origin,
  postReport,
} from '../support/collector.ts'
import { exchange, findFault } from './hostile/connection.ts'
import { createHostileRequestArbitrary, type Hostile, unfinished } from './hostile/requests.ts'

/** Determines the requests. Set LAPSE_FUZZ_SEED for others. */
const seed = Number(process.env.LAPSE_FUZZ_SEED ?? 20260102)
const connections = 24

describe.each(inject('databaseServers'))('Hostile requests, with $name,', (server) => {
  // Few of the requests reach the database, so one database gets most of them.
  const count = server.url === undefined ? 20_000 : 2_000

  let folder: string
  let database: TestDatabase
  let store: Store
  let collector: ChildProcess
  let log: number
  let url: string
  let tokens: { readonly read: string; readonly write: string }
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
    database = await createDatabase(server)
    const port = await findFreePort()
    url = `http://127.0.0.1:${port}`
    const acme = { origins: [origin], idleTimeoutSeconds: 1800 }
    const ticketKeys = [{ alg: 'HS256' as const, secret: 'env:TICKET_SECRET' }]
    const written = createConfig(database.url, {
      listen: { port },
      sites: { open: acme, acme: { ...acme, ticketKeys, requireTicket: true } },
    })
    const config = parseConfig(written, environment)
    store = openStore(config.database, config.table)
    await store.schema.migrate()
    tokens = {
      read: (await issueToken(store)).token,
      write: (await issueToken(store, { scope: 'write' })).token,
    }
    const configFile = join(folder, 'lapse.config.json')
    writeFileSync(configFile, JSON.stringify(written))
    log = openSync(join(folder, 'log'), 'w')
    collector = await startLapseServe(configFile, url, environment, undefined, log)
  })
  afterAll(async () => {
    await stopLapseServe(collector)
    closeSync(log)
    await store.close()
    await database.drop()
    rmSync(folder, { recursive: true })
  })

  test(`cause no rows, live sessions, server errors or memory growth: ${count} of them`, {
    timeout: 180_000,
  }, async () => {
    const port = Number(new URL(url).port)
    const slow = fc
      .sample(unfinished, { seed, numRuns: 40 })
      .map((bytes) => exchange(port, { bytes, manner: 'whole' }))
    const requests = fc.sample(createHostileRequestArbitrary(tokens), { seed, numRuns: count })
    const warm = count / 4

    const faults = await sendAll(port, requests.slice(0, warm))
    const before = await readUsage(url)
    faults.push(...(await sendAll(port, requests.slice(warm))))
    for (const answer of await Promise.all(slow)) expect(findFault(answer)).toBeUndefined()
    expect(faults.slice(0, 5)).toEqual([])
    const after = await readUsage(url)

    expect(collector.exitCode).toBeNull()
    expect(await database.readRows()).toEqual([])
    expect(await database.sql('session_live')).toEqual([])
    expect(after.resident).toBeLessThan(before.resident * 1.5 + 64e6)
    expect(after.files).toBeLessThan(before.files + 10)
    // Garbage counts until it is collected. More requests trigger the collection.
    const readHeap = async () => {
      await sendAll(port, requests.slice(0, 500))
      return (await readUsage(url)).heap
    }
    await expect.poll(readHeap).toBeLessThan(before.heap * 1.5 + 16e6)

    const good = await postReport(url, createReport({ site: 'open' }), { Origin: origin })
    expect(good.status).toBe(201)
    expect(await database.readRows()).toHaveLength(1)
  })

  test('are logged as one line of JSON each, without control characters', async () => {
    await stopLapseServe(collector)
    const lines = readFileSync(join(folder, 'log'), 'utf8').trimEnd().split('\n')
    expect(lines.length).toBeGreaterThan(count / 2)
    const odd = lines.filter((line) => /[\p{Cc}\p{Zl}\p{Zp}]/u.test(line) || !JSON.parse(line).msg)
    expect(odd.slice(0, 5)).toEqual([])
    expect(lines.filter((line) => JSON.parse(line).level >= 50)).toEqual([])
  })
})

async function sendAll(port: number, requests: readonly Hostile[]) {
  const faults: { fault: string; request: string; answer: string }[] = []
  let next = 0
  async function sendRemaining() {
    for (let request = requests[next++]; request; request = requests[next++]) {
      const answer = await exchange(port, request)
      const fault = findFault(answer)
      if (fault) faults.push({ fault, request: request.bytes.toString('latin1').slice(0, 2000), answer })
    }
  }
  await Promise.all(Array.from({ length: connections }, sendRemaining))
  return faults
}

/** Reads the collector's resource usage: the minimum of several readings, between which garbage is collected. */
async function readUsage(url: string) {
  const readings: { heap: number; resident: number; files: number }[] = []
  for (let reading = 0; reading < 20; reading++) {
    const text = await (await fetch(`${url}/metrics`)).text()
    const readMetric = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1])
    readings.push({
      heap: readMetric('nodejs_heap_size_used_bytes'),
      resident: readMetric('process_resident_memory_bytes'),
      files: readMetric('process_open_fds'),
    })
  }
  const findMinimum = (name: 'heap' | 'resident' | 'files') => Math.min(...readings.map((each) => each[name]))
  return { heap: findMinimum('heap'), resident: findMinimum('resident'), files: findMinimum('files') }
}
