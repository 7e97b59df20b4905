/** Browsers keep a cookie for at most 400 days. */
export const maxCookieDays = 400
export const defaultCookieDays = 30

/** Browsers silently drop a cookie of more than 4,096 bytes, its name included. */
export const maxCookieLength = 4000

/** The marker is written at most four times a second. */
export const markerIntervalMs = 250

export const maxReports = 20

/** A page that stays open looks every five seconds for reports that are due. */
export const flushIntervalMs = 5000

/** The page that creates a report sends it at once. Another page may send it after this time. */
export const firstAttemptMs = 5000

/** A tab that wants to report activity waits this long until all tabs have read which of them does. */
export const claimMs = 200

/** The clocks of two tabs may differ a little, because browsers round and blur them against fingerprinting. */
export const clockToleranceMs = 5000
