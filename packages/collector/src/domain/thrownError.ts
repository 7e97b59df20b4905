/** Reads the `code` of an error from Node.js or a driver, such as `ENOENT` or `ER_DUP_ENTRY`. */
export function readErrorCode(thrown: unknown): string | undefined {
  return thrown instanceof Error && 'code' in thrown ? String(thrown.code) : undefined
}

export function hasErrorCode(thrown: unknown, codes: readonly string[]): boolean {
  const code = readErrorCode(thrown)
  return code !== undefined && codes.includes(code)
}

/** JavaScript can throw any value. Returns errors unchanged, and wraps everything else in an error. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown))
}
