import { createHmac } from 'node:crypto'

/** The ticket secret of the collectors in benchmarks. */
export const secret = 'a benchmark secret of 32 bytes or more'

const header = encode({ alg: 'HS256', typ: 'lapse+jwt' })

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

export function signTicket(claims: object): string {
  const signed = `${header}.${encode(claims)}`
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`
}
