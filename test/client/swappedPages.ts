import { randomUUID } from 'node:crypto'
import type { HostOptions, HostPages } from './hostOptions.ts'
import { renderPage, renderTag } from './pages.ts'

/** A library that replaces the content of the page instead of loading the next page. */
export interface SwapLibrary {
  readonly name: 'Astro' | 'htmx' | 'Turbo'
  /** The elements that an application puts into its head to use the library. */
  readonly head: string
  readonly bodyAttributes?: string
}

const modules = new URL('../../node_modules/', import.meta.url)

/** The scripts of the libraries, by the path at which the hosts serve them. */
export const libraryFiles: Readonly<Record<string, URL>> = {
  '/static/turbo.js': new URL('@hotwired/turbo/dist/turbo.es2017-umd.js', modules),
  '/static/htmx.js': new URL('htmx.org/dist/htmx.min.js', modules),
  '/static/jquery.js': new URL('jquery/dist/jquery.min.js', modules),
}

export const turbo: SwapLibrary = {
  name: 'Turbo',
  head: '<script src="/static/turbo.js" defer></script><meta name="turbo-refresh-method" content="morph">',
}

/** The script is the one that `buildAstroRouter` builds. */
export const astro: SwapLibrary = {
  name: 'Astro',
  head: `<meta name="astro-view-transitions-enabled" content="true">
<meta name="astro-view-transitions-fallback" content="swap"><script type="module" src="/static/astro.js"></script>`,
}

export const htmx: SwapLibrary = {
  name: 'htmx',
  head: '<script src="/static/htmx.js" defer></script>',
  bodyAttributes: 'hx-boost="true"',
}

/** Creates the pages of an application that uses the library. Their titles are `Application` and `Login`. */
export function createSwappedPages(library: SwapLibrary, place: 'head' | 'body'): HostPages {
  function render(
    options: HostOptions,
    url: URL,
    title: string,
    stated: Record<string, string>,
    content: string,
  ) {
    const limit = { 'data-idle-timeout-seconds': String(options.idleTimeoutSeconds) }
    const tag = renderTag(options, url, { ...limit, ...stated })
    const head = `<title>${title}</title>${countObservers}${library.head}${place === 'head' ? tag : ''}`
    const main = `<main data-rendering="${randomUUID()}">${content}</main>`
    const body = `<body ${library.bodyAttributes ?? ''}>${main}${place === 'body' ? tag : ''}</body>`
    return renderPage(head, body)
  }

  return {
    renderApp: (options, url, { subject, alias }) =>
      render(
        options,
        url,
        'Application',
        { 'data-state': 'active', 'data-subject': subject, 'data-session': alias },
        `<a id="home" href="/">Home</a> <a id="reports" href="/reports">Reports</a>
<form method="post" action="/logout" data-lapse-logout><button id="sign-out">Sign out</button></form>`,
      ),
    renderLogin: (options, url) =>
      render(
        options,
        url,
        'Login',
        { 'data-state': 'absent' },
        `<form action="/sign-in"><input name="user"><button id="sign-in">Sign in</button></form>
<p data-lapse-message hidden>You were signed out after {limit} without activity.</p>`,
      ),
  }
}

/** Counts the observers of requests, of which each client has one. */
const countObservers = `<script>
  window.requestObservers ??= 0
  window.PerformanceObserver = window.CountedObserver ??= class extends PerformanceObserver {
    observe(options) {
      requestObservers += 1
      super.observe(options)
    }
    disconnect() {
      requestObservers -= 1
      super.disconnect()
    }
  }
</script>`
