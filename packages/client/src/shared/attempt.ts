/** Returns the result of a step, or `undefined` if the step throws. Then it calls `onError`. */
export function attempt<Result>(step: () => Result, onError?: (error: unknown) => void): Result | undefined {
  try {
    return step()
  } catch (error) {
    onError?.(error)
    return undefined
  }
}
