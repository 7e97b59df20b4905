/** The `clientVersion` of the rows of self-tests: no user's, so that they are neither counted nor copied. */
export const selftestClient = 'selftest'
