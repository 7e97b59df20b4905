import { readFileSync } from 'node:fs'
import { describe, expect, inject, test } from 'vitest'
import { dumpMigratedSchema, findSchemaFile } from '../../../../test/schemaDump.ts'

// A running server that the environment names may be of another version, which writes the schema in another way.
const servers = inject('databaseServers').filter(({ name }) => ['SQLite', 'MariaDB', 'MySQL'].includes(name))

describe.each(servers)('The schema on $name', (server) => {
  test('The migrations produce the committed schema; if not, run pnpm dump:schema', async () => {
    expect(await dumpMigratedSchema(server)).toBe(readFileSync(findSchemaFile(server), 'utf8'))
  })
})
