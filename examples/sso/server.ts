import { randomBytes } from 'node:crypto'
import { env } from 'node:process'
import { createApp } from './app.ts'
import { createProvider } from './provider.ts'

const {
  LAPSE_COLLECTOR: collector = 'http://127.0.0.1:4780',
  LAPSE_TICKET_SECRET: ticketSecret,
  PORT: port = '4781',
  PROVIDER_PORT: providerPort = '4782',
} = env
if (!ticketSecret)
  throw new Error('Set LAPSE_TICKET_SECRET to the secret of at least 32 bytes that the collector has too.')

// Two names of this machine, so that no cookie of the one is seen by the other.
const appUrl = `http://127.0.0.1:${port}`
const issuer = `http://localhost:${providerPort}`
const clientSecret = randomBytes(32).toString('base64url')

const provider = await createProvider({ issuer, appUrl, clientSecret })
provider.listen(Number(providerPort), '127.0.0.1')
createApp({ appUrl, issuer, clientSecret, collector, idleTimeoutSeconds: 60, ticketSecret }).listen(
  Number(port),
  '127.0.0.1',
  () => console.log(`The application is on ${appUrl}, the provider on ${issuer}`),
)
