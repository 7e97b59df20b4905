import type { Route } from '../state/route.ts'

interface Props {
  /** The cursor of the following page, or null on the last one. */
  readonly next: string | null
  readonly route: Route
  /** The id of the heading to scroll to on a new page. */
  readonly titleId: string
}

/** Cursors lead only to older pages, so "Newer" goes back in the browser's history if that is the page before. */
export function Pagination({ next, route, titleId }: Props) {
  const cursor = route.get('cursor')
  if (!cursor && next === null) return null
  const buildPageLinkProps = (to: string | null) => {
    const { href, onClick } = route.buildLinkProps({ cursor: to }, 'page')
    return {
      href,
      onClick(event: MouseEvent) {
        onClick(event)
        if (event.defaultPrevented) document.getElementById(titleId)?.scrollIntoView()
      },
    }
  }
  return (
    <nav class="pagination" aria-label="Pagination">
      {cursor && (
        <>
          <a {...buildPageLinkProps(null)}>Newest</a>
          {route.navigation === 'page' && (
            <button type="button" onClick={() => history.back()}>
              Newer
            </button>
          )}
        </>
      )}
      {next !== null && (
        <a {...buildPageLinkProps(next)} rel="next">
          Older
        </a>
      )}
    </nav>
  )
}
