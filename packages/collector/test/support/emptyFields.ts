/** The fields of a row that may be empty, all of them empty. */
export const emptyFields = {
  supersedes: null,
  marker: null,
  session: null,
  subject: null,
  startedAt: null,
  lastAccessAt: null,
  expiredAt: null,
  elapsedMs: null,
  idleTimeoutSeconds: null,
  absoluteTimeoutSeconds: null,
  browserRestarted: null,
  origin: null,
  ip: null,
  userAgent: null,
  clientVersion: null,
} as const
