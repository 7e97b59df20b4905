import { checkIntervalMs } from '../shared/limits.ts'
import { findLoadTime } from './findLoadTime.ts'

const tagSelector = 'script[data-site][data-state]'
/** Snapshots that an application keeps of its pages contain the mark too, so a restored snapshot is not acted on. */
const mark = 'data-lapse-done'

/**
 * Calls `onTag` once for each script tag of the document, now and whenever the application swaps the page without
 * loading it.
 *
 * @param onTag also receives when the server sent the tag, in epoch milliseconds; 0 if it came from the browser's cache
 */
export function followTags(onTag: (tag: HTMLScriptElement, loadedAt: number) => void) {
  let isScheduled = false

  function handleNewTags(loadedAt: number) {
    isScheduled = false
    for (const tag of document.querySelectorAll<HTMLScriptElement>(`${tagSelector}:not([${mark}])`)) {
      tag.setAttribute(mark, '')
      onTag(tag, loadedAt)
    }
  }

  handleNewTags(findLoadTime())

  // Applications may change the document many times a second.
  new MutationObserver(() => {
    if (!isScheduled) setTimeout(() => handleNewTags(Date.now()), checkIntervalMs)
    isScheduled = true
  }).observe(document, { subtree: true, childList: true, attributeFilter: [mark] })

  // htmx swaps only the body, so a tag in the head of the new page never gets into the document.
  for (const type of ['htmx:beforeSwap', 'htmx:historyCacheMissLoad']) {
    document.addEventListener(type, (event) => {
      const { xhr } = (event as CustomEvent<{ xhr: XMLHttpRequest }>).detail
      const { head } = new DOMParser().parseFromString(xhr.response, 'text/html')
      const tag = head.querySelector<HTMLScriptElement>(tagSelector)
      if (tag) onTag(tag, Date.now())
    })
  }
}
