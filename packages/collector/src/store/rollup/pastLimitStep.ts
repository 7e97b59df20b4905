import { lastStepSeconds, notReturnedStep, pastLimitSteps } from '../../reading/pastLimit.ts'

/** Builds an integer division. */
export type Divide = (dividend: string, divisor: number) => string

/** Builds the step of a return that the row `a` itself shows. */
export function buildStepExpression(divide: Divide): string {
  return buildStepOf('a.elapsed_ms - a.idle_timeout_seconds * 1000', divide)
}

/**
 * Builds the step of the return `r`, which is null if the user has not come back.
 *
 * @param pastMs the milliseconds from the idle timeout to the return.
 */
export function buildReturnStepExpression(divide: Divide, pastMs: string): string {
  return `case when r.id is null then ${notReturnedStep} else ${buildStepOf(pastMs, divide)} end`
}

/** Users who return within the grace period return before the limit. They are counted at 0. */
function buildStepOf(pastMs: string, divide: Divide): string {
  const cases = pastLimitSteps.map(
    ({ until, step }) => `when ${pastMs} < ${until * 1000} then (${divide(pastMs, step * 1000)}) * ${step}`,
  )
  return `case when ${pastMs} < 0 then 0 ${cases.join(' ')} else ${lastStepSeconds} end`
}
