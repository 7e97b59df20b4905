/** More than the collector ever sends: an answer that names 500 rejected reports. */
const maxResponseBytes = 1024 * 1024

/**
 * Reads a response to its end.
 *
 * @throws if it is longer than 1 MiB.
 */
export async function readLimitedText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += chunk.length
    if (size > maxResponseBytes) throw new Error(`The response is longer than ${maxResponseBytes} bytes.`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

/** Reads seconds or a date (RFC 9110, section 10.2.3). */
export function readRetryAfterMs(header: string | null): number {
  if (header === null) return 0
  const delayMs = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now()
  return Math.max(0, delayMs || 0)
}

/** `fetch` throws "fetch failed"; the reason is in its cause. */
export function describeCause(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { cause } = error
  if (cause instanceof AggregateError && cause.errors.length > 0) return describeCause(cause.errors[0])
  return cause instanceof Error ? cause.message : error.message
}
