/** Whether the page is being prerendered. */
export function isPrerendering(): boolean | undefined {
  // Some browsers do not have this property, and TypeScript's library does not declare it.
  return (document as { prerendering?: boolean }).prerendering
}

/** Returns a promise that resolves when the user opens a prerendered page. */
export function whenActivated(): Promise<unknown> {
  return new Promise((resolve) => document.addEventListener('prerenderingchange', resolve))
}
