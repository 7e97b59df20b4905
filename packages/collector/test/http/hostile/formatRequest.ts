export const close = 'Connection: close'

/** Formats a request of HTTP/1.1. Headers are sent unchanged. */
export function formatRequest(
  line: string,
  headers: readonly string[],
  body: Buffer = Buffer.alloc(0),
): Buffer {
  return Buffer.concat([Buffer.from(`${[line, ...headers].join('\r\n')}\r\n\r\n`), body])
}
