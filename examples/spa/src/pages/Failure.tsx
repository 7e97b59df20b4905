import { useRouteError } from 'react-router'

export function Failure() {
  const error = useRouteError()
  return (
    <main>
      <h1>Something went wrong</h1>
      <p>{error instanceof Error ? error.message : 'The page could not be shown.'}</p>
      <p>
        <a href="/">Try again</a>
      </p>
    </main>
  )
}
