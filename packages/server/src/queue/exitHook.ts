/** Something that has to be saved before the process exits. */
interface Savable {
  saveSync(): void
}

/** One hook serves all: Node.js warns of more than ten. */
const savables = new Set<Savable>()

/** Saves when the process exits, also by `process.exit` or an uncaught exception. */
export function saveOnExit(savable: Savable): void {
  if (savables.size === 0) process.on('exit', saveAll)
  savables.add(savable)
}

export function forgetOnExit(savable: Savable): void {
  savables.delete(savable)
  if (savables.size === 0) process.off('exit', saveAll)
}

function saveAll(): void {
  for (const savable of savables) savable.saveSync()
}
