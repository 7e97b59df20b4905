import { fileURLToPath } from 'node:url'
import { createLapseServer } from '@lapse/server'
import { readOptions } from '../_shared/options.ts'
import { stopOnSignal } from '../_shared/stopOnSignal.ts'
import { createApp } from './api/app.ts'

const { port, ...options } = readOptions()
const lapse = createLapseServer({ site: 'spa', ...options })
const pagesFolder = fileURLToPath(new URL('dist', import.meta.url))
const server = createApp({ ...options, lapse, pagesFolder }).listen(port, '127.0.0.1', () =>
  console.log(`The application runs at http://127.0.0.1:${port}`),
)
stopOnSignal(server, () => lapse.close())
