import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Hostile } from './requests.ts'

/**
 * Writes bytes to a connection of its own, and gives all that comes back before it is closed.
 *
 * @throws {Error} when the other side leaves it open for longer than any of its time-outs.
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
    // The collector may close while this side still writes.
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

/** What is wrong with an answer, or nothing: a failure, a header that was broken out of, a problem that is none. */
export function faultOf(answer: string): string | undefined {
  if (answer === '') return undefined
  const [head = '', ...rest] = answer.split('\r\n\r\n')
  const body = rest.join('\r\n\r\n')
  const status = Number(/^HTTP\/1\.1 (\d{3}) [\x20-\x7e]*\r\n/.exec(answer)?.[1])
  if (!(status < 500)) return 'failed'
  if (/\r\nHTTP\/1\.1 5\d\d /.test(body)) return 'a later answer failed'
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  if (/[\u0000-\u0009\u000b-\u000c\u000e-\u001f\u007f-\u009f]|[^\r]\n|\r[^\n]|X-Injected/i.test(head))
    return 'a header was broken out of'
  // Node itself refuses an unknown Expect and a missing Host, without a body.
  if (status < 400 || status === 417 || body === '' || body === '0\r\n\r\n') return undefined
  if (!/content-type: application\/problem\+json/i.test(head)) return 'no problem'
  const length = Number(/content-length: (\d+)/i.exec(head)?.[1])
  const problem: unknown = JSON.parse(Buffer.from(body, 'latin1').subarray(0, length).toString())
  const isOne =
    typeof problem === 'object' && problem !== null && 'status' in problem && problem.status === status
  return isOne ? undefined : 'another problem'
}
