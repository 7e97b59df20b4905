import { useEffect, useRef, useState } from 'preact/hooks'
import { recordActivity } from '../state/selfAudit.ts'
import { ApiError, fetchJson } from './fetchJson.ts'

/** `data` comes from the last successful request, and stays until the next response arrives. */
export interface QueryState<Data> {
  readonly data: Data | undefined
  readonly error: ApiError | undefined
  readonly isLoading: boolean
}

interface QueryTriggers {
  /** Identifies what the user asked for. A request counts as user activity only if this has changed. */
  readonly userRequest: string
  /** Increases with every poll. */
  readonly pollCount: number
}

interface SentRequest {
  readonly userRequest: string
  readonly controller: AbortController
  isDone: boolean
}

/**
 * Requests a path again whenever the path or one of the triggers changes.
 *
 * @param onSignedOut is called when the collector responds that nobody is signed in.
 */
export function useQuery<Data>(
  path: string,
  { userRequest, pollCount }: QueryTriggers,
  onSignedOut: () => void,
): QueryState<Data> {
  const [state, setState] = useState<QueryState<Data>>({ data: undefined, error: undefined, isLoading: true })
  const lastRequest = useRef<SentRequest | null>(null)

  useEffect(() => {
    const isBackground = lastRequest.current?.userRequest === userRequest
    // If each poll aborted the one before, requests slower than the poll interval would never finish.
    if (isBackground && lastRequest.current?.isDone === false) return
    lastRequest.current?.controller.abort()
    const request: SentRequest = { userRequest, controller: new AbortController(), isDone: false }
    lastRequest.current = request
    const { signal } = request.controller
    if (!isBackground) setState((last) => ({ ...last, isLoading: true }))
    fetchJson<Data>(path, { signal, isBackground }).then(
      (data) => {
        if (signal.aborted) return
        request.isDone = true
        if (!isBackground) recordActivity()
        setState({ data, error: undefined, isLoading: false })
      },
      (cause: unknown) => {
        if (signal.aborted) return
        request.isDone = true
        const error = cause instanceof ApiError ? cause : new ApiError(0, String(cause))
        if (error.status === 401) onSignedOut()
        setState((last) => ({ data: isBackground ? last.data : undefined, error, isLoading: false }))
      },
    )
  }, [path, userRequest, pollCount])

  useEffect(() => () => lastRequest.current?.controller.abort(), [])
  return state
}
