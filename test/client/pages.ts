import type { HostOptions, SignedIn } from './hostOptions.ts'

/** Renders the script tag. Query parameters of the page that begin with `data-` override its attributes. */
export function renderTag(
  { collector, site }: HostOptions,
  url: URL,
  stated: Record<string, string>,
): string {
  const overrides = [...url.searchParams].filter(([name]) => /^data-[a-z-]+$/.test(name))
  const attributes = {
    'data-site': site,
    'data-on-error': 'lapseError',
    ...stated,
    ...Object.fromEntries(overrides),
  }
  const list = Object.entries(attributes).map(([name, value]) => `${name}="${escapeHtml(value)}"`)
  return `<script src="${collector}/lapse.js" defer ${list.join(' ')}></script>`
}

/** Renders a page with the script tag. Its query chooses what else the page does. */
function renderTaggedPage(
  options: HostOptions,
  url: URL,
  stated: Record<string, string>,
  body: string,
): string {
  const prerendered = url.searchParams.get('prerender')
  const prerender = prerendered ? renderPrerendering(prerendered) : ''
  const noBfcache = url.searchParams.has('keep-out-of-bfcache') ? preventBfcache : ''
  const clock = url.searchParams.has('clock') ? renderClockShift(Number(url.searchParams.get('clock'))) : ''
  return renderPage(`${clock}${noBfcache}${prerender}${renderTag(options, url, stated)}`, body)
}

/** Features that keep a page out of bfcache. They differ between the engines. */
const preventBfcache = `<script>
  addEventListener('unload', () => {})
  navigator.locks?.request('held', () => new Promise(() => {}))
  indexedDB.open('held')
</script>`

/** Prerenders a page after four seconds, and navigates to it after seven. */
const renderPrerendering = (path: string) => `<script>
  setTimeout(() => {
    const rules = document.createElement('script')
    rules.type = 'speculationrules'
    rules.text = JSON.stringify({ prerender: [{ urls: ['${path}'], eagerness: 'immediate' }] })
    document.head.append(rules)
  }, 4000)
  setTimeout(() => { location.href = '${path}' }, 7000)
</script>`

/** Shifts the page's clock. */
function renderClockShift(offsetMs: number): string {
  return `<script>
  const trueNow = Date.now
  Date.now = () => trueNow() + ${offsetMs}
</script>`
}

/**
 * Renders a page that keeps the verdict and the client's errors for the tests.
 *
 * @param head its elements, among them a title if the page has one of its own.
 * @param body the whole element, or only its content.
 */
export function renderPage(head: string, body: string): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8">${head.includes('<title>') ? '' : '<title>Host</title>'}
<script>
  window.lapseErrors = []
  window.lapseError = ({ code, cause }) => lapseErrors.push({ code, status: cause?.response?.status })
  document.addEventListener('lapse', ({ detail }) => { window.verdict = detail })
  addEventListener('pagehide', () => { window.restored = undefined })
  addEventListener('pageshow', ({ persisted }) => { window.restored = persisted })
</script>
${head}
</head>${body.startsWith('<body') ? body : `<body>${body}</body>`}</html>`
}

export function renderAppPage(options: HostOptions, url: URL, { subject, alias }: SignedIn): string {
  const stated = { 'data-state': 'active', 'data-subject': subject, 'data-session': alias }
  return renderTaggedPage(
    options,
    url,
    stated,
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

export function renderLoginPage(options: HostOptions, url: URL): string {
  return renderTaggedPage(
    options,
    url,
    { 'data-state': 'absent' },
    `<form action="/sign-in"><input name="user"><button>Sign in</button></form>
<p data-lapse-message hidden>You were signed out after {limit} without activity.</p>
${url.searchParams.has('leave') ? leaving : ''}`,
  )
}

/** Leaves the page as soon as the deferred script has run. */
const leaving = `<script>
  document.addEventListener('DOMContentLoaded', () => location.replace('/static/data.json'))
</script>`

export function renderSsoPage(back: string): string {
  return renderPage('', `<a id="sign-in" href="${escapeHtml(back)}">Sign in</a>`)
}

/**
 * Renders a single-page application. It asks its server who is signed in, and changes its view without a page load. Its
 * title is the name of the view.
 */
export function renderSinglePageApp({ collector, site, idleTimeoutSeconds }: HostOptions): string {
  const imports = { '@lapse/client': '/static/lapse.mjs', 'js-cookie': '/static/js-cookie.mjs' }
  return renderPage(
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

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
