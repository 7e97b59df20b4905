import { createLapse } from '@lapse/client'

/** The application's only client. All calls to it are in session.ts. */
export const lapse = createLapse({
  site: 'spa',
  collector: import.meta.env.VITE_LAPSE_COLLECTOR ?? 'http://127.0.0.1:4780',
  // The limit in a session's ticket takes precedence.
  idleTimeoutSeconds: 60,
})
