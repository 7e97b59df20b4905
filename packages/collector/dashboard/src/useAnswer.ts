import { useEffect, useRef, useState } from 'preact/hooks'
import { ask, Problem } from './api.ts'
import { accessed } from './audit.ts'

/** What the collector answers at a path: the last answer stays until the next one is there. */
export interface Answer<Data> {
  readonly data: Data | undefined
  readonly problem: Problem | undefined
  readonly isLoading: boolean
}

/**
 * Asks for a path whenever it changes, and unattended whenever `tick` does.
 *
 * @param onNoSession hears when the session has ended.
 */
export function useAnswer<Data>(path: string | null, tick: number, onNoSession: () => void): Answer<Data> {
  const [answer, setAnswer] = useState<Answer<Data>>({ data: undefined, problem: undefined, isLoading: true })
  const lastPath = useRef<string | null>(null)
  useEffect(() => {
    if (path === null) {
      setAnswer({ data: undefined, problem: undefined, isLoading: false })
      lastPath.current = null
      return
    }
    const stopper = new AbortController()
    const unattended = lastPath.current === path
    lastPath.current = path
    if (!unattended) setAnswer((last) => ({ ...last, isLoading: true }))
    ask<Data>(path, { signal: stopper.signal, unattended }).then(
      (data) => {
        if (stopper.signal.aborted) return
        if (!unattended) accessed()
        setAnswer({ data, problem: undefined, isLoading: false })
      },
      (failure: unknown) => {
        if (stopper.signal.aborted) return
        const problem = failure instanceof Problem ? failure : new Problem(0, String(failure))
        if (problem.status === 401) onNoSession()
        setAnswer((last) => ({ data: unattended ? last.data : undefined, problem, isLoading: false }))
      },
    )
    return () => stopper.abort()
  }, [path, tick])
  return answer
}
