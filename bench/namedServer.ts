import type { DatabaseServer } from '../test/servers.ts'

/** Reads `NAME=URL`, or a name alone, which is SQLite. */
export function namedServer(text: string): DatabaseServer {
  const [name = '', url] = text.split('=')
  return { name, ...(url && { url }) }
}
