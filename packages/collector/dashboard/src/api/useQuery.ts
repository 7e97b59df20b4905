import { useEffect, useRef, useState } from 'preact/hooks'
import { accessed } from '../state/selfAudit.ts'
import { ask, Problem } from './fetchJson.ts'

/** What the collector answers at a path: the last answer stays until the next one is there. */
export interface Answer<Data> {
  readonly data: Data | undefined
  readonly problem: Problem | undefined
  readonly isLoading: boolean
}

interface When {
  /** What a person wants to see. Changed, it is asked for in their name; anything else is asked for unattended. */
  readonly wish: string
  /** Changes when it is time to look again. */
  readonly tick: number
}

/**
 * Asks for a path whenever it changes, and whenever it is time to.
 *
 * @param onNoSession hears when the session has ended.
 */
export function useAnswer<Data>(path: string, { wish, tick }: When, onNoSession: () => void): Answer<Data> {
  const [answer, setAnswer] = useState<Answer<Data>>({ data: undefined, problem: undefined, isLoading: true })
  const last = useRef<{ readonly wish: string; readonly stopper: AbortController; isDone: boolean } | null>(
    null,
  )
  useEffect(() => {
    const unattended = last.current?.wish === wish
    // Were one that takes longer than a tick asked for anew each time, there would never be an answer.
    if (unattended && last.current?.isDone === false) return
    last.current?.stopper.abort()
    const asked = { wish, stopper: new AbortController(), isDone: false }
    last.current = asked
    const { signal } = asked.stopper
    if (!unattended) setAnswer((shown) => ({ ...shown, isLoading: true }))
    ask<Data>(path, { signal, unattended }).then(
      (data) => {
        if (signal.aborted) return
        asked.isDone = true
        if (!unattended) accessed()
        setAnswer({ data, problem: undefined, isLoading: false })
      },
      (failure: unknown) => {
        if (signal.aborted) return
        asked.isDone = true
        const problem = failure instanceof Problem ? failure : new Problem(0, String(failure))
        if (problem.status === 401) onNoSession()
        setAnswer((shown) => ({ data: unattended ? shown.data : undefined, problem, isLoading: false }))
      },
    )
  }, [path, wish, tick])
  useEffect(() => () => last.current?.stopper.abort(), [])
  return answer
}
