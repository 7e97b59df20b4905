import type { HostOptions } from './hostOptions.ts'

interface SignedIn {
  readonly subject: string
  readonly alias: string
}

/**
 * A page with the tag. Each query parameter that begins with `data-` becomes an attribute of it, instead of what the
 * page says there by itself.
 */
function taggedPage(
  { collector, site }: HostOptions,
  url: URL,
  said: Record<string, string>,
  body: string,
): string {
  const given = [...url.searchParams].filter(([name]) => /^data-[a-z-]+$/.test(name))
  const attributes = {
    'data-site': site,
    'data-on-error': 'lapseError',
    ...said,
    ...Object.fromEntries(given),
  }
  const list = Object.entries(attributes).map(([name, value]) => `${name}="${escaped(value)}"`)
  const prerender = url.searchParams.has('prerender') ? prerendering : ''
  const out = url.searchParams.has('keep-out-of-bfcache') ? outOfBfcache : ''
  const clock = url.searchParams.has('clock') ? clockSetBy(Number(url.searchParams.get('clock'))) : ''
  return page(
    `${clock}${out}${prerender}<script src="${collector}/lapse.js" defer ${list.join(' ')}></script>`,
    body,
  )
}

/** What browsers don't freeze a page with. Each engine has its own idea of that. */
const outOfBfcache = `<script>
  addEventListener('unload', () => {})
  navigator.locks?.request('held', () => new Promise(() => {}))
  indexedDB.open('held')
</script>`

/** Prerenders the login page after four seconds, and goes there after seven. */
const prerendering = `<script>
  setTimeout(() => {
    const rules = document.createElement('script')
    rules.type = 'speculationrules'
    rules.text = JSON.stringify({ prerender: [{ urls: ['/login?stay=1'], eagerness: 'immediate' }] })
    document.head.append(rules)
  }, 4000)
  setTimeout(() => { location.href = '/login?stay=1' }, 7000)
</script>`

/** Sets the page's clock, by milliseconds. */
function clockSetBy(offsetMs: number): string {
  return `<script>
  const trueNow = Date.now
  Date.now = () => trueNow() + ${offsetMs}
</script>`
}

/** What every page keeps for the scenario to look at: the verdict, and what the client complained of. */
function page(head: string, body: string): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>Host</title>
<script>
  window.lapseErrors = []
  window.lapseError = ({ code, cause }) => lapseErrors.push({ code, status: cause?.response?.status })
  document.addEventListener('lapse', ({ detail }) => { window.verdict = detail })
  addEventListener('pagehide', () => { window.restored = undefined })
  addEventListener('pageshow', ({ persisted }) => { window.restored = persisted })
</script>
${head}
<body>${body}</body></html>`
}

export function appPage(options: HostOptions, url: URL, { subject, alias }: SignedIn): string {
  const said = { 'data-state': 'active', 'data-subject': subject, 'data-session': alias }
  return taggedPage(
    options,
    url,
    said,
    `<form id="form" method="post" action="/logout" data-lapse-logout><button>Sign out</button></form>
<a id="link" href="/logout" data-lapse-logout><b>Sign out</b></a>
<button id="script" data-lapse-logout>Sign out</button>
<script>
  document.querySelector('#script').onclick = async () => {
    await fetch('/logout', { method: 'POST' })
    location.href = '/login'
  }
</script>`,
  )
}

export function loginPage(options: HostOptions, url: URL): string {
  return taggedPage(
    options,
    url,
    { 'data-state': 'absent' },
    `<p data-lapse-message hidden>You were signed out after {limit} without activity.</p>
<form action="/sign-in"><input name="user"><button>Sign in</button></form>
${url.searchParams.has('leave') ? leaving : ''}`,
  )
}

/** Leaves the page as soon as the script, which is deferred, has run. */
const leaving = `<script>
  document.addEventListener('DOMContentLoaded', () => location.replace('/static/data.json'))
</script>`

export function ssoPage(back: string): string {
  return page('', `<a id="sign-in" href="${escaped(back)}">Sign in</a>`)
}

/**
 * An application that is one page: it asks its server who is signed in, and goes from view to view without a page
 * load. Its title is the view.
 */
export function singlePageApp({ collector, site, idleTimeoutSeconds }: HostOptions): string {
  const imports = { '@lapse/client': '/static/lapse.mjs', 'js-cookie': '/static/js-cookie.mjs' }
  return page(
    `<script type="importmap">${JSON.stringify({ imports })}</script>
<script type="module">
  import { createLapse } from '@lapse/client'
  const options = ${JSON.stringify({ site, collector, idleTimeoutSeconds })}
  const lapse = createLapse({ ...options, onError: lapseError })

  async function showLogin() {
    document.title = 'Login'
    window.verdict = await lapse.absent()
  }
  window.lapse = lapse
  window.start = async () => {
    const response = await fetch('/api/me')
    if (!response.ok) return showLogin()
    lapse.active(await response.json())
    document.title = 'Application'
  }
  window.poll = async () => {
    const response = await fetch('/api/me')
    await response.json()
    if (!response.ok && document.title === 'Application') await showLogin()
  }
  window.signOut = async (options) => {
    lapse.logout(options)
    await fetch('/logout', { method: 'POST' })
    await showLogin()
  }
  start()
</script>`,
    '',
  )
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
