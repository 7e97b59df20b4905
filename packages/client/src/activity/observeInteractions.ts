/** Calls `onActivity` when the user presses a key or a pointer button, until the signal is aborted. */
export function observeInteractions(onActivity: (isCertain: true) => void, signal: AbortSignal) {
  for (const type of ['pointerdown', 'keydown']) {
    addEventListener(type, () => onActivity(true), { signal })
  }
}
