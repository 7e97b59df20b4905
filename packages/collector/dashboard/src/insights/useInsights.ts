import type { Summary } from '../api/types.ts'
import { type QueryState, useQuery } from '../api/useQuery.ts'

/** What the tabs have in common with the summary of the page. */
export interface InsightQuery {
  /** The parameters of the summary. */
  readonly parameters: URLSearchParams
  /** Identifies what the user asked for. */
  readonly userRequest: string
  /** Increases with every poll of the summary. */
  readonly pollCount: number
  readonly onSignedOut: () => void
  /** The message of an error that the page shows elsewhere. */
  readonly shownError: string | undefined
}

/**
 * Requests the summary of the page with additional parameters.
 *
 * @param attempt increases when the user tries again after an error.
 */
export function useInsights(
  { parameters, userRequest, pollCount, onSignedOut, shownError }: InsightQuery,
  attempt: number,
  changes: Readonly<Record<string, string>>,
): QueryState<Summary> {
  const query = new URLSearchParams(parameters)
  // Only the summary of the page shows this number.
  query.set('review', 'false')
  for (const [name, value] of Object.entries(changes)) query.set(name, value)
  const request = `${userRequest} ${attempt} ${JSON.stringify(changes)}`
  const state = useQuery<Summary>(`v1/summary?${query}`, { userRequest: request, pollCount }, onSignedOut)
  // The summary of the page has the same invalid parameters.
  const isShown = state.error?.message === shownError || !!state.error?.invalidParameters.length
  return isShown ? { ...state, error: undefined } : state
}
