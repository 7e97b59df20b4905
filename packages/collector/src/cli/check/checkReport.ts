type CheckArea =
  | 'configuration'
  | 'database'
  | 'privileges'
  | 'clock'
  | 'collector'
  | 'proxy'
  | 'forward'
  | 'alarms'

/** The result of one check. */
export interface CheckResult {
  readonly area: CheckArea
  /** A warning is a risk that needs a decision. A problem has to be solved. */
  readonly status: 'ok' | 'warning' | 'problem' | 'skipped'
  /** The file, address, table or site that was checked. */
  readonly where: string
  /** What is wrong and how to fix it. Empty if nothing is. */
  readonly message: string
}

export function pass(area: CheckArea, where: string): CheckResult {
  return { area, status: 'ok', where, message: '' }
}

export function warn(area: CheckArea, where: string, message: string): CheckResult {
  return { area, status: 'warning', where, message }
}

export function fail(area: CheckArea, where: string, message: string): CheckResult {
  return { area, status: 'problem', where, message }
}

export function skip(area: CheckArea, where: string, message: string): CheckResult {
  return { area, status: 'skipped', where, message }
}

/** Formats results as text, with one line for each. */
export function formatCheckResults(results: readonly CheckResult[]): string {
  return results
    .map(({ area, status, where, message }) => {
      const label = `${status.padEnd(8)} ${area.padEnd(14)} ${where}`
      return message === '' ? `${label}\n` : `${label}\n  ${message.replaceAll('\n', '\n  ')}\n`
    })
    .join('')
}
