import { createPageLapse } from './createLapse.ts'
import { checkSession } from './page/checkSession.ts'
import { followTags } from './page/followTags.ts'
import { observeLogout } from './page/observeLogout.ts'
import { readTagOptions } from './page/readTagOptions.ts'
import { showMessages } from './page/showMessages.ts'
import type { Lapse } from './types/lapse.ts'
import type { LapseGlobal } from './types/tagOptions.ts'

declare global {
  interface Window {
    Lapse?: LapseGlobal
  }
}

/** Creates the global `Lapse`, and does what the tags of the document say. */
function start(): LapseGlobal {
  // A script tag is always on a page, so it does not need the check for a server.
  const lapseGlobal: LapseGlobal = { createLapse: createPageLapse }
  const clients: Record<string, Lapse> = {}

  async function handleTag(tag: HTMLScriptElement, loadedAt: number) {
    const options = readTagOptions(tag)
    const { site } = options
    clients[site]?.stop()
    const lapse = createPageLapse(options, loadedAt)
    clients[site] = lapse
    Object.assign(lapseGlobal, lapse)
    // `split` always returns at least one part.
    const [kind, target] = `${options.state}`.split(/:(.+)/) as [string, string?]
    // A page from the browser's cache states what was true when it was loaded.
    if (!loadedAt && !target) return
    if (kind === 'active') return lapse.active(options)
    let hasSession: boolean | undefined
    const outcome = await lapse.absent({
      session: async () => {
        hasSession = kind === 'absent' ? false : await checkSession({ [kind]: target })
        return hasSession
      },
    })
    // The session exists, but a page from the cache may name another one.
    if (hasSession) lapse.active(loadedAt ? options : {})
    if (!outcome || outcome.pending) return
    document.dispatchEvent(new CustomEvent('lapse', { detail: outcome }))
    showMessages(outcome)
  }

  observeLogout((options) => {
    for (const lapse of Object.values(clients)) lapse.logout(options)
  })
  // The only exception left is an invalid `lang` attribute of the page.
  followTags((tag, loadedAt) => void handleTag(tag, loadedAt).catch(() => {}))
  return lapseGlobal
}

// An application that swaps pages runs the script again with each tag. The first one handles them all.
export default window.Lapse?.createLapse ? window.Lapse : start()
