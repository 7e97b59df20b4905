import type { DatabaseServer } from '../test/servers.ts'

/** Parses `NAME=URL`. A name alone means SQLite. */
export function parseServer(text: string): DatabaseServer {
  const [name = '', url] = text.split('=')
  return { name, ...(url && { url }) }
}
