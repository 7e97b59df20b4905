import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'vitest'
import type { DatabaseServer } from '../../../../test/servers.ts'
import type { ConfigInput } from '../../src/index.ts'
import { createCollector, createConfig, environment } from './collector.ts'
import { runLapseIn, writeConfigIn } from './command.ts'

/** The self-test waits for the sweep. */
const sweep = { everySeconds: 1 }

/**
 * Starts a collector for a test of `lapse selftest`, and writes its configuration into a folder for the command.
 *
 * @param changes to the configuration of the collector. They are not in the command's file.
 */
export async function createSelftest(
  server: DatabaseServer,
  { onTestFinished }: Pick<TestContext, 'onTestFinished'>,
  changes: Partial<ConfigInput> = {},
) {
  const folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const collector = await createCollector(server, { sweep, ...changes })
  onTestFinished(collector.end)
  const { url, database } = collector
  const writeConfig = (config: Partial<ConfigInput> = {}) =>
    void writeConfigIn(folder, createConfig(database.url, { sweep, ...config }))
  writeConfig()
  return {
    folder,
    collector,
    /** Runs the command for a site with options. */
    run: (site: string, ...options: readonly string[]) =>
      runLapseIn(folder, ['selftest', '--site', site, '--url', url, ...options], environment),
    /** Replaces the command's configuration file. */
    writeConfig,
  }
}
