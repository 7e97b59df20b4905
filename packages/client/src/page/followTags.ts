import { findLoadTime } from './findLoadTime.ts'

/** Snapshots that an application keeps of its pages contain the mark too, so a restored snapshot is not acted on. */
const mark = 'data-lapse-done'
const newTagSelector = `script[data-site][data-state]:not([${mark}])`

/**
 * Calls `onTag` once for each script tag of the document, now and whenever the application swaps the page without
 * loading it.
 *
 * @param onTag also receives when the server sent the tag, in epoch milliseconds; 0 if it came from the browser's cache
 */
export function followTags(onTag: (tag: HTMLScriptElement, loadedAt: number) => void) {
  function handleNewTags(loadedAt: number, root: ParentNode = document) {
    for (const tag of root.querySelectorAll<HTMLScriptElement>(newTagSelector)) {
      tag.setAttribute(mark, '')
      onTag(tag, loadedAt)
    }
  }

  handleNewTags(findLoadTime())

  new MutationObserver(() => handleNewTags(Date.now())).observe(document, {
    subtree: true,
    childList: true,
    attributeFilter: [mark],
  })

  // htmx swaps only the body, so a tag in the head of the new page never gets into the document.
  addEventListener('htmx:beforeSwap', (event) => {
    const { detail } = event as CustomEvent<{ serverResponse: string; shouldSwap: boolean }>
    if (detail.shouldSwap)
      handleNewTags(Date.now(), new DOMParser().parseFromString(detail.serverResponse, 'text/html').head)
  })
}
