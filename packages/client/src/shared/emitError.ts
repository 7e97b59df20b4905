import type { LapseClientError, LapseClientErrorCauses, LapseClientErrorCode } from '../types/errors.ts'
import type { ErrorHandler } from '../types/options.ts'
import { attempt } from './attempt.ts'

/** Passes a problem to the application. */
export type EmitError = <Code extends LapseClientErrorCode>(
  code: Code,
  cause: LapseClientErrorCauses[Code],
) => void

/** Creates the function that turns a problem into an error for `onError`. */
export function createEmitError(onError: ErrorHandler | undefined): EmitError {
  return (code, cause) =>
    // A faulty handler must not throw into the page.
    attempt(() =>
      onError?.(
        // TypeScript does not see that a generic code and its cause belong together.
        Object.assign(new Error(code, { cause }), { name: 'LapseClientError', code }) as LapseClientError,
      ),
    )
}
