import { fileURLToPath } from 'node:url'
import { readOptions } from '../_shared/options.ts'
import { createApp } from './api/app.ts'

const { port, ...options } = readOptions()
const pagesFolder = fileURLToPath(new URL('dist', import.meta.url))
createApp({ ...options, pagesFolder }).listen(port, '127.0.0.1', () =>
  console.log(`The application runs at http://127.0.0.1:${port}`),
)
