/**
 * The `clientVersion` and the `subject` of a self-test's row. With both it is no user's, and is neither counted nor
 * copied; by the first alone, anyone could hide a row of their own.
 */
export const selftestClient = 'selftest'
export const selftestSubject = 'selftest'
