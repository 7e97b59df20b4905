export { createLapse } from './createLapse.ts'
export type { DetectedBy, EndReport } from './types/endReport.ts'
export type {
  Delivery,
  LapseClientError,
  LapseClientErrorCauses,
  LapseClientErrorCode,
} from './types/errors.ts'
export type { AbsentOptions, Identity, Lapse, LogoutOptions, SessionCheck } from './types/lapse.ts'
export type { ActivityKind, CookieOptions, ErrorHandler, LapseOptions } from './types/options.ts'
export type { LapseGlobal, TagOptions } from './types/tagOptions.ts'
export type { Outcome, Pending, Reason, Verdict } from './types/verdict.ts'
