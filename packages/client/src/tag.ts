import { createPageLapse } from './createLapse.ts'
import { checkSession } from './page/checkSession.ts'
import { followTags } from './page/followTags.ts'
import { observeLogout } from './page/observeLogout.ts'
import { readTagOptions } from './page/readTagOptions.ts'
import { showMessages } from './page/showMessages.ts'
import type { LapseGlobal, TagOptions } from './types/tagOptions.ts'
import type { Verdict } from './types/verdict.ts'

/** Creates the global `Lapse`, and does what the tags of the document say. */
function start(): LapseGlobal {
  // A script tag is always on a page, so it does not need the check for a server.
  const lapseGlobal: LapseGlobal = { createLapse: createPageLapse }

  let trusted: TagOptions | undefined

  async function handleTag(tag: HTMLScriptElement, loadedAt: number) {
    const script = document.currentScript
    // The browser has allowed the script, but not what else may have been inserted into the document.
    trusted ??= readTagOptions(script?.dataset.site ? (script as HTMLScriptElement) : tag)
    const { collector, cookie, onError, idleTimeoutSeconds } = trusted
    // The limit may come from `/lapse.js?site=`, which has not run for this tag yet.
    const options = { idleTimeoutSeconds, ...readTagOptions(tag), collector, cookie, onError }
    lapseGlobal.stop?.()
    const lapse = createPageLapse(options, loadedAt)
    Object.assign(lapseGlobal, lapse)
    // `split` always returns at least one part.
    const [kind, target] = `${options.state}`.split(/:(.+)/) as [string, string?]
    // A page from the browser's cache states what was true when it was loaded.
    if (!loadedAt && !target) return
    if (kind === 'active') return lapse.active(options)
    let hasSession: boolean | undefined
    const verdict = (await lapse.absent({
      session: async () => {
        hasSession = kind === 'absent' ? false : await checkSession({ [kind]: target })
        return hasSession
      },
    })) as Partial<Verdict> | null
    // The session exists, but a page from the cache may name another one.
    if (hasSession) lapse.active(loadedAt ? options : {})
    // A pending report has no verdict yet.
    if (!verdict?.reason) return
    document.dispatchEvent(new CustomEvent('lapse', { detail: verdict }))
    showMessages(verdict)
  }

  observeLogout((options) => lapseGlobal.logout?.(options))
  // The only exception left is an invalid `lang` attribute of the page.
  followTags((tag, loadedAt) => void handleTag(tag, loadedAt).catch(() => {}))
  return lapseGlobal
}

// An application that swaps pages runs the script again with each tag. The first run handles them all.
const { Lapse } = window as { readonly Lapse?: Partial<LapseGlobal> }
// An element with this id would be a property of `window` too.
export default typeof Lapse?.createLapse === 'function' ? Lapse : start()
