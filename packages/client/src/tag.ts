import { createPageLapse } from './createLapse.ts'
import { checkSession } from './page/checkSession.ts'
import { followTags } from './page/followTags.ts'
import { observeLogout } from './page/observeLogout.ts'
import { readTagOptions } from './page/readTagOptions.ts'
import { showMessages } from './page/showMessages.ts'
import type { LapseGlobal, TagOptions } from './types/tagOptions.ts'
import type { Outcome, Verdict } from './types/verdict.ts'

/** Creates the global `Lapse`, and does what the tags of the document say. */
function start(): LapseGlobal {
  // A script tag is always on a page, so it does not need the check for a server.
  const lapseGlobal: LapseGlobal = { createLapse: createPageLapse }

  // Read from the prototype, because an image named `currentScript` would be a property of the document too.
  const script = Reflect.get(Document.prototype, 'currentScript', document) as HTMLScriptElement | null
  let trusted: TagOptions | undefined

  function handleTag(tag: HTMLScriptElement, loadedAt: number) {
    // The browser has allowed the script, but not what else may have been inserted into the document. A script that was
    // evaluated as text has no `src`.
    trusted ??= readTagOptions(script?.src ? script : tag)
    const { idleTimeoutSeconds, collector, cookie, onError } = trusted
    // The limit may come from `/lapse.js?site=`, which has not run for this tag yet.
    const options = { idleTimeoutSeconds, ...readTagOptions(tag), collector, cookie, onError }
    lapseGlobal.stop?.()
    // `split` always returns at least one part.
    const [kind, target] = (tag.dataset.state as string).split(/:(.+)/) as [string, string?]
    const lapse = createPageLapse(options, loadedAt, kind === 'active')
    Object.assign(lapseGlobal, lapse)
    // A page from the browser's cache states what was true when it was loaded.
    if (!loadedAt && !target) return
    if (kind === 'active') return lapse.active(options)
    const session = async () => {
      const hasSession = kind !== 'absent' && (await checkSession({ [kind]: target }))
      // The next tag may have replaced this client during the check. A page from the cache may name another session.
      if (hasSession && lapseGlobal.stop === lapse.stop) lapse.active(loadedAt ? options : {})
      return hasSession
    }
    announce(lapse.absent({ session }))
  }

  /** Dispatches the verdict, and shows the messages for its reason. */
  function announce(outcome?: Promise<Outcome>) {
    outcome
      ?.then((result) => {
        const verdict = result as Partial<Verdict> | null
        // A pending report has no verdict yet.
        if (!verdict?.reason) return
        document.dispatchEvent(new CustomEvent('lapse', { detail: verdict }))
        showMessages(verdict)
      })
      // The `lang` of the page may be invalid.
      .catch(() => {})
  }

  observeLogout((options) => announce(lapseGlobal.logout?.(options)))
  followTags(handleTag)
  return lapseGlobal
}

// An application that swaps pages runs the script again with each tag. The first run handles them all.
const { Lapse } = window as { readonly Lapse?: Partial<LapseGlobal> }
// An element with this id would be a property of `window` too.
export default Lapse?.createLapse ? Lapse : start()
