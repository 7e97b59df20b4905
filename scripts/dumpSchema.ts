import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { dumpMigratedSchema, findSchemaFile } from '../test/schemaDump.ts'
import { type DatabaseServer, type RunningServer, serverKinds } from '../test/servers.ts'

// `pnpm dump:schema`: writes the schema of each database after all migrations into packages/collector/schema/.

const folder = mkdtempSync(join(tmpdir(), 'lapse-schema-'))
const started: RunningServer[] = []
try {
  for (const { name, start } of serverKinds) started.push(await start(join(folder, name)))
  if (!serverKinds.some(({ name }) => name === 'MySQL'))
    process.stderr.write('The schema of MySQL is not written: set LAPSE_MYSQLD, see CONTRIBUTING.md.\n')
  const servers: DatabaseServer[] = [{ name: 'SQLite' }, ...started]
  for (const server of servers) {
    const file = findSchemaFile(server)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, await dumpMigratedSchema(server))
  }
} finally {
  await Promise.all(started.map((server) => server.end()))
  rmSync(folder, { recursive: true })
}
