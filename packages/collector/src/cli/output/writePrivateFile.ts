import { closeSync, fchmodSync, fstatSync, openSync, writeFileSync } from 'node:fs'

/** Writes a file that only its owner may read, whatever the umask, and whatever rights the replaced one had. */
export function writePrivateFile(
  file: string,
  text: string,
  { replace }: { readonly replace: boolean },
): void {
  const opened = openSync(file, replace ? 'w' : 'wx', 0o600)
  try {
    if (fstatSync(opened).isFile()) fchmodSync(opened, 0o600)
    writeFileSync(opened, text)
  } finally {
    closeSync(opened)
  }
}
