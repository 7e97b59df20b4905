/** Returns a promise if the page is being prerendered. It resolves when the user opens the page. */
export function whenActivated(): Promise<unknown> | undefined {
  // Some browsers do not have this property, and TypeScript's library does not declare it.
  if (!(document as { prerendering?: boolean }).prerendering) return undefined
  return new Promise((resolve) => document.addEventListener('prerenderingchange', resolve))
}
