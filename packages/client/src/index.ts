export { createLapse, type Lapse } from './createLapse.ts'
export type {
  AccessKind,
  CookieOptions,
  Identity,
  LapseOptions,
  OnError,
  Pending,
  Reason,
  SessionLook,
  Verdict,
} from './options.ts'
