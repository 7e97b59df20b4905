import { closeSync, fchmodSync, fstatSync, openSync, writeFileSync } from 'node:fs'

/** Writes a file that only its owner can read, whatever the umask and the mode of a file that it replaces. */
export function writePrivateFile(
  file: string,
  text: string,
  { replace }: { readonly replace: boolean },
): void {
  const descriptor = openSync(file, replace ? 'w' : 'wx', 0o600)
  try {
    if (fstatSync(descriptor).isFile()) fchmodSync(descriptor, 0o600)
    writeFileSync(descriptor, text)
  } finally {
    closeSync(descriptor)
  }
}
