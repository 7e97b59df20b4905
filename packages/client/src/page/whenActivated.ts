/** Returns a promise if the page is being prerendered. It resolves when the user opens the page. */
export function whenActivated(): Promise<unknown> | undefined {
  // Neither every browser nor TypeScript's library has this property.
  if (!(document as { prerendering?: boolean }).prerendering) return undefined
  return new Promise((resolve) => document.addEventListener('prerenderingchange', resolve))
}
