import { createPageLapse } from './createLapse.ts'
import { checkSession } from './page/checkSession.ts'
import { isFromCache } from './page/isFromCache.ts'
import { observeLogout } from './page/observeLogout.ts'
import { readTagOptions } from './page/readTagOptions.ts'
import { showMessages } from './page/showMessages.ts'

// A script tag is always on a page, so it does not need the check for a server.
export { createPageLapse as createLapse }

/** Does what the attributes of the script tag say. */
async function run(script: HTMLScriptElement) {
  const options = readTagOptions(script)
  const isStale = isFromCache()
  const lapse = createPageLapse(options, isStale)
  observeLogout(() => lapse.logout())
  if (isStale) return
  // `split` always returns at least one part.
  const [kind, target] = `${options.state}`.split(/:(.+)/) as [string, string?]
  if (kind === 'active') return lapse.active(options)
  let hasSession: boolean | undefined
  const outcome = await lapse.absent({
    session: async () => {
      hasSession = kind === 'absent' ? false : await checkSession({ [kind]: target })
      return hasSession
    },
  })
  if (hasSession) lapse.active(options)
  if (!outcome || outcome.pending) return
  document.dispatchEvent(new CustomEvent('lapse', { detail: outcome }))
  showMessages(outcome)
}

const script = document.currentScript
// `currentScript` may also be an SVG script, which has no `data-site`. The only exception left is an invalid `lang`
// attribute of the page.
if (script?.dataset.site) run(script as HTMLScriptElement).catch(() => {})
