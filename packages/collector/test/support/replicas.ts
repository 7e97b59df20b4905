import { pino } from 'pino'
import { createDatabase, type TestDatabase } from '../../../../test/databases.ts'
import type { DatabaseServer } from '../../../../test/servers.ts'
import { type Collector, type ConfigInput, openStore, parseConfig, startCollector } from '../../src/index.ts'
import { createConfig, environment } from './collector.ts'

/** A database that several collectors share. */
export interface Replicas {
  readonly database: TestDatabase
  /** Starts another collector. */
  start(): Promise<Collector>
  /** What all collectors have logged with the level `warn` or above. */
  listWarnings(): Record<string, unknown>[]
  /** Stops all collectors and deletes the database. */
  end(): Promise<void>
}

export async function createReplicas(
  server: DatabaseServer,
  changes: Partial<ConfigInput>,
): Promise<Replicas> {
  const database = await createDatabase(server)
  const config = parseConfig(
    createConfig(database.url, { sweep: { everySeconds: 1 }, ...changes }),
    environment,
  )
  const store = openStore(config.database, config.table)
  await store.schema.migrate()
  await store.close()
  const started: Collector[] = []
  const logLines: string[] = []
  const log = pino({ level: 'info' }, { write: (line) => void logLines.push(line) })
  return {
    database,
    async start() {
      const collector = await startCollector(config, log)
      started.push(collector)
      return collector
    },
    listWarnings: () => logLines.map((line) => JSON.parse(line)).filter(({ level }) => level >= 40),
    async end() {
      await Promise.all(started.map((collector) => collector.close()))
      await database.drop()
    },
  }
}
