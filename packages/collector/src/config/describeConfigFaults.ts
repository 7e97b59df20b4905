import { escapeUnsafe } from '../domain/text/plainText.ts'
import type { Fault } from '../domain/validation/validate.ts'
import type { Environment } from './environment.ts'
import { overridingVariables } from './environmentOverrides.ts'

/**
 * Lists everything that is wrong with a configuration, one setting a line. If an environment variable overrides a
 * setting, the line names the variable: the file may not contain that setting at all.
 */
export function describeConfigFaults(
  faults: readonly Fault[],
  source: string,
  environment: Environment,
): string {
  const settings: string[] = []
  const variables: string[] = []
  for (const { path, detail } of faults) {
    const name = formatPath(path)
    const variable = overridingVariables[name]
    if (variable !== undefined && environment[variable]) variables.push(`  ${variable}: ${detail}`)
    else settings.push(`  ${name || 'the whole file'}: ${detail}`)
  }
  return [
    ...formatSection(`Invalid settings in ${source}:`, settings),
    ...formatSection('Invalid environment variables:', variables),
  ].join('\n')
}

function formatSection(heading: string, lines: readonly string[]): readonly string[] {
  return lines.length > 0 ? [heading, ...lines] : []
}

/** Formats a path as `sites.acme.origins.0`. A key with other characters is quoted, so that its ends are visible. */
function formatPath(path: Fault['path']): string {
  return path
    .map((key) => (/^[\w-]+$/.test(String(key)) ? String(key) : escapeUnsafe(JSON.stringify(key))))
    .join('.')
}
