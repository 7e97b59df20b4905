import { createLapse } from '@lapse/client'

/** One for the whole application. It is told what happens to the session in three places, all in session.ts. */
export const lapse = createLapse({
  site: 'spa',
  collector: import.meta.env.VITE_LAPSE_COLLECTOR ?? 'http://127.0.0.1:4780',
})
