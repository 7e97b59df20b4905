import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest'
import { type PhpCollector, startPhpCollector } from './phpCollector.ts'
import { type LapseArguments, runLapsePhp } from './runPhp.ts'

export let collector: PhpCollector
let folder: string
/** The folder that Lapse creates for the site. */
export let queue: string
export let args: LapseArguments
/** The same, with a collector that is not reachable. */
export let offline: LapseArguments

/** Starts a collector for the tests of a file, and creates an empty folder for the queue of each. */
export function setUpQueue(): void {
  beforeAll(async () => {
    collector = await startPhpCollector()
  })
  afterAll(() => collector.end())

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
    queue = join(folder, 'queue', 'acme')
    args = { ...collector.args, queue: join(folder, 'queue') }
    offline = { ...args, collector: 'http://127.0.0.1:1' }
  })
  afterEach(async () => {
    rmSync(folder, { recursive: true })
    await collector.database.sql('session_audit').delete()
    await collector.database.sql('session_live').delete()
  })
}

/** Reads the aliases of the live sessions. */
export const readSessions = async () =>
  (await collector.database.sql('session_live')).map(({ session }): string => session).sort()
export const end = (session: string) => `$lapse->ended('${session}', 'u_42', reason: 'revoked');`
export const use = (session: string) => `$lapse->active('u_42', '${session}');`

export const flush = (flushed = args) => runLapsePhp(flushed, 'echo $lapse->flush();')
/** Lets the next attempt happen now. */
export const endPause = () => rmSync(join(queue, 'pause.json'), { force: true })
export const readPause = () => JSON.parse(readFileSync(join(queue, 'pause.json'), 'utf8'))
export const listFiles = () => readdirSync(queue).filter((name) => name.endsWith('.ndjson'))

/** Reads the body of a request that PHP has sent. */
export async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}
