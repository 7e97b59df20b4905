import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { dumpMigratedSchema, findSchemaFile } from '../test/schemaDump.ts'
import { type DatabaseServer, type RunningServer, startMariadb, startMysql } from '../test/servers.ts'

// `pnpm dump:schema`: writes the schema of each database after all migrations into packages/collector/schema/.

const { LAPSE_MYSQLD } = process.env
const folder = mkdtempSync(join(tmpdir(), 'lapse-schema-'))
const started: RunningServer[] = []
try {
  started.push(await startMariadb(join(folder, 'mariadb')))
  if (LAPSE_MYSQLD) started.push(await startMysql(join(folder, 'mysql'), LAPSE_MYSQLD.split(' ')))
  else process.stderr.write('The schema of MySQL is not written: set LAPSE_MYSQLD, see CONTRIBUTING.md.\n')
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
