import { readOptions } from '../_shared/options.ts'
import { createApp } from './app.ts'

const { port, ...options } = readOptions()
createApp(options).listen(port, '127.0.0.1', () =>
  console.log(`The application runs at http://127.0.0.1:${port}`),
)
