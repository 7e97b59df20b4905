/** Returns the result of a step, or `undefined` if the step throws. */
export function attempt<Result>(step: () => Result): Result | undefined {
  try {
    return step()
  } catch {
    return undefined
  }
}
