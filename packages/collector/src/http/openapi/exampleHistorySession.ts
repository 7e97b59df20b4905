/** The session of a user's history that the examples of the documentation show. */
export const exampleHistorySession = {
  site: 'acme',
  session: 'a1f',
  marker: '0b9c1f5e-7f1c-4a53-9c9e-3d8f0a1b2c3d',
  startedAt: '2026-01-02T08:00:00.000Z',
  lastAccessAt: '2026-01-02T09:00:00.000Z',
  endedAt: '2026-01-02T09:30:00.000Z',
  durationMs: 5400000,
  reason: 'idle_timeout',
  evidence: 'self_reported',
  device: 'Firefox 140 on Windows',
  origin: 'https://app.acme.com',
  id: 1,
}
