import { randomBytes } from 'node:crypto'
import { env } from 'node:process'
import { createLapseServer } from '@lapse/server'
import { readOptions } from '../_shared/options.ts'
import { stopOnSignal } from '../_shared/stopOnSignal.ts'
import { createApp } from './app.ts'
import { createProvider } from './provider.ts'

const { port, ...options } = readOptions()
const lapse = createLapseServer({ site: 'desk', ...options })
const providerPort = Number(env.PROVIDER_PORT ?? 4782)

// Two host names of this machine, so that neither server sees the other's cookies.
const appUrl = `http://127.0.0.1:${port}`
const issuer = `http://localhost:${providerPort}`
const clientSecret = randomBytes(32).toString('base64url')

const provider = await createProvider({ issuer, appUrl, clientSecret })
provider.listen(providerPort, '127.0.0.1')
const server = createApp({ ...options, lapse, appUrl, issuer, clientSecret }).listen(port, '127.0.0.1', () =>
  console.log(`The application runs at ${appUrl}, the provider at ${issuer}`),
)
stopOnSignal(server, () => lapse.close())
