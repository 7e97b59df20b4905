import { type Config, ConfigError } from '../../config/config.ts'
import { describeExposedConfigFile, describeExposedDatabaseFile } from '../../config/exposedFiles.ts'
import { loadConfig, loadStoreConfig, resolveConfigPath } from '../../config/loadConfig.ts'
import { type CheckResult, fail, pass, warn } from './checkReport.ts'

interface CheckedConfiguration {
  readonly results: readonly CheckResult[]
  /** Undefined if the configuration cannot be used. */
  readonly config: Config | undefined
}

/** Checks the configuration file with its secrets, and who can read it. */
export function checkConfiguration(path: string | undefined): CheckedConfiguration {
  const file = resolveConfigPath(path)
  const results: CheckResult[] = []
  const config = load(() => loadConfig(path), file, results)
  // Without its secrets, the rest can still be checked.
  const usable = config ?? load(() => loadStoreConfig(path), file, [])
  if (usable) {
    const exposed = describeExposedConfigFile(file)
    if (exposed !== undefined) results.push(warn('configuration', file, exposed))
    const exposedDatabase = describeExposedDatabaseFile(usable.database)
    if (exposedDatabase !== undefined && usable.database.dialect === 'sqlite')
      results.push(warn('configuration', usable.database.path, exposedDatabase))
  }
  return { results: results.length > 0 ? results : [pass('configuration', file)], config: usable }
}

function load(read: () => Config, file: string, results: CheckResult[]): Config | undefined {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    results.push(fail('configuration', file, error.message))
    return undefined
  }
}
