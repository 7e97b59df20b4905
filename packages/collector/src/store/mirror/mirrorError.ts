/** A mirror cannot be created or removed. The message says why and what to do. */
export class MirrorError extends Error {
  override readonly name = 'MirrorError'
}
