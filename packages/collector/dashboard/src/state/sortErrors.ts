import type { ApiError } from '../api/fetchJson.ts'

/**
 * Decides where to show the errors of the two main requests: an error of the search beside its field, and an error that
 * both requests have once, above the cards.
 */
export function sortErrors(pageError: ApiError | undefined, summaryError: ApiError | undefined) {
  const invalidParameters = (pageError ?? summaryError)?.invalidParameters ?? []
  const searchError = invalidParameters.find(({ parameter }) => parameter === 'search')?.detail
  const isOnlySearch = searchError !== undefined && invalidParameters.length === 1
  const isShared = pageError !== undefined && pageError.message === summaryError?.message
  return { searchError, sharedError: isShared && !isOnlySearch ? pageError : undefined }
}
