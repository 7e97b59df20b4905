import Bowser from 'bowser'

/**
 * Describes the browser and the operating system of a `User-Agent` header, such as `Firefox 140 on Windows`.
 *
 * @returns null if the header is unknown, or names neither.
 */
export function describeDevice(userAgent: string | null): string | null {
  if (userAgent === null || userAgent.trim() === '') return null
  const { browser, os } = Bowser.parse(userAgent)
  const version = /^\d+/.exec(browser.version ?? '')?.[0]
  const parts = [[browser.name, version].filter(Boolean).join(' '), os.name]
  return parts.filter(Boolean).join(' on ') || null
}
