import type { HostOptions, HostPages } from './hostOptions.ts'
import { renderPage, renderTag } from './pages.ts'

/**
 * Creates the pages of an application that inserts parts of pages with jQuery. The query `fragment` asks for such a part,
 * `no-tag` for a page without the script tag, and `content` is inserted without escaping, as in an attack.
 */
export function createFragmentPages(): HostPages {
  function render(options: HostOptions, url: URL, stated: Record<string, string>, content: string): string {
    const limit = { 'data-idle-timeout-seconds': String(options.idleTimeoutSeconds) }
    const tag = renderTag(options, url, { ...limit, ...stated })
    if (url.searchParams.has('fragment')) return `${content}${tag}`
    const injected = url.searchParams.get('content') ?? ''
    return renderPage(
      `<script src="/static/jquery.js"></script>${url.searchParams.has('no-tag') ? '' : tag}`,
      `${content}<div id="box"></div>${injected}`,
    )
  }

  return {
    renderApp: (options, url, { subject, alias }) =>
      render(
        options,
        url,
        { 'data-state': 'active', 'data-subject': subject, 'data-session': alias },
        '<p>Welcome</p>',
      ),
    renderLogin: (options, url) =>
      render(
        options,
        url,
        { 'data-state': 'absent' },
        '<p data-lapse-message hidden>You were signed out after {limit} without activity.</p>',
      ),
  }
}
