import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Hostile } from './requests.ts'

/**
 * Writes bytes to a new connection, and reads until the other side closes it.
 *
 * @throws {Error} when the other side leaves the connection open for longer than all of its timeouts.
 */
export function exchange(port: number, { bytes, manner }: Hostile): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    let received = ''
    socket.setEncoding('latin1')
    socket.setTimeout(15_000, () => {
      socket.destroy()
      reject(new Error(`was left open: ${JSON.stringify(bytes.subarray(0, 2000).toString('latin1'))}`))
    })
    socket.on('data', (text) => {
      received += text
    })
    // The collector may close the connection while this side is still writing.
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(received))
    socket.on('connect', async () => {
      if (manner === 'whole') {
        socket.write(bytes)
      } else {
        const middle = Math.floor(bytes.length / 2)
        socket.write(bytes.subarray(0, middle))
        await sleep(1)
        if (manner === 'pieces') socket.write(bytes.subarray(middle))
        else socket.destroy()
      }
    })
  })
}

/** Finds a fault in a response: a server error, an injected header or an invalid problem. */
export function findFault(response: string): string | undefined {
  if (response === '') return undefined
  const [head = '', ...rest] = response.split('\r\n\r\n')
  const body = rest.join('\r\n\r\n')
  const status = Number(/^HTTP\/1\.1 (\d{3}) [\x20-\x7e]*\r\n/.exec(response)?.[1])
  if (!(status < 500)) return 'server error'
  if (/\r\nHTTP\/1\.1 5\d\d /.test(body)) return 'server error in a later response'
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the search is for control characters.
  if (/[\u0000-\u0009\u000b-\u000c\u000e-\u001f\u007f-\u009f]|[^\r]\n|\r[^\n]|X-Injected/i.test(head))
    return 'injected header'
  // Node itself refuses an unknown Expect header, without a body.
  if (status < 400 || status === 417 || body === '' || body === '0\r\n\r\n') return undefined
  if (!/content-type: application\/problem\+json/i.test(head)) return 'error without a problem'
  const length = Number(/content-length: (\d+)/i.exec(head)?.[1])
  const problem: unknown = JSON.parse(Buffer.from(body, 'latin1').subarray(0, length).toString())
  const isValid =
    typeof problem === 'object' && problem !== null && 'status' in problem && problem.status === status
  return isValid ? undefined : 'problem with another status'
}
