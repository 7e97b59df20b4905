import { createLapse } from './createLapse.ts'
import { formatLimit } from './limit.ts'
import type { Identity, LapseOptions, SessionLook } from './options.ts'
import { hasSession } from './session.ts'

export { createLapse }

/** What the attributes say, by the names of the options. The values are strings, which the client bears with. */
interface Attributes extends LapseOptions, Identity {
  readonly state?: string
  /** Whether the page came out of the browser's cache: the tag's word is as old as its page. */
  readonly persisted: boolean
}

/** An attribute for every option; an empty one counts as not given. */
function readAttributes({ dataset, src }: HTMLScriptElement): Attributes {
  const cookie: Record<string, string> = {}
  const [navigation] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[]
  const attributes: Record<string, unknown> = {
    collector: new URL(src).origin,
    cookie,
    // WebKit hides all the timing of a page that was reached through another origin, its request's start too.
    persisted:
      navigation?.type === 'back_forward' || (navigation?.transferSize === 0 && navigation.requestStart > 0),
  }
  for (const key in dataset) {
    const value = dataset[key]
    // `data-cookie-same-site` is the cookie's attribute `samesite`.
    const attribute = key.split('cookie')[1]
    if (!value) continue
    if (attribute) cookie[attribute.toLowerCase()] = value
    else attributes[key] = value
  }
  // The name of a global function.
  attributes.onError = window[attributes.onError as 'reportError']
  return attributes as unknown as Attributes
}

/** Does what the attributes of the script's own tag say. */
async function run(script: HTMLScriptElement) {
  const attributes = readAttributes(script)
  const lapse = createLapse(attributes)

  // Early, and whatever the page makes of the event: an application may send its logout by `fetch`. Of a form,
  // sending it is the logout, not a click on something in it.
  for (const [type, selector] of [
    ['click', ':not(form)'],
    ['submit', 'form'],
  ] as const) {
    // A target that is no element, such as the document, has no `closest`.
    const logout = ({ target }: Event) =>
      (target as Element).closest?.(`${selector}[data-lapse-logout]`) && lapse.logout()
    document.addEventListener(type, logout, true)
  }

  if (attributes.persisted) return
  const [kind, ...name] = `${attributes.state}`.split(':')
  if (kind === 'active') return lapse.active(attributes)
  // A state that is none of those names nothing to look for, and so is unknown.
  const look = { [`${kind}`]: name.join(':') } as unknown as SessionLook
  let present: boolean | undefined
  const verdict = await lapse.absent({
    session: async () => {
      present = kind !== 'absent' && (await hasSession(look))
      return present
    },
  })
  if (present) lapse.active(attributes)
  if (!verdict || verdict.pending) return
  document.dispatchEvent(new CustomEvent('lapse', { detail: verdict }))
  if (verdict.reason === 'idle_timeout' && verdict.idleTimeoutSeconds) {
    const limit = formatLimit(verdict.idleTimeoutSeconds, document.documentElement.lang)
    for (const message of document.querySelectorAll<HTMLElement>('[data-lapse-message]')) {
      message.textContent = message.textContent.replace('{limit}', limit)
      message.hidden = false
    }
  }
}

const script = document.currentScript
// What can still fail is a page's `lang` that is no language.
if (script?.dataset.site) run(script as HTMLScriptElement).catch(() => {})
