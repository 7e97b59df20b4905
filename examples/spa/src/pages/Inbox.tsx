import { useEffect } from 'react'
import { useLoaderData, useRevalidator } from 'react-router'

export interface Messages {
  readonly unread: number
  readonly checkedAt: string
}

const pollMs = 2000

export function Inbox() {
  const { unread, checkedAt } = useLoaderData<Messages>()
  const { revalidate } = useRevalidator()
  useEffect(() => {
    const timer = setInterval(revalidate, pollMs)
    return () => clearInterval(timer)
  }, [revalidate])
  return (
    <>
      <h1>Inbox</h1>
      <p>
        {unread} unread messages, checked at{' '}
        <time dateTime={checkedAt}>{new Date(checkedAt).toLocaleTimeString()}</time>.
      </p>
      <p>
        This page calls the server every two seconds. Each call renews the session, so the session does not
        expire while the page is open. Lapse sees the same calls and updates its marker.
      </p>
    </>
  )
}
