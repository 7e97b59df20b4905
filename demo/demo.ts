import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { formatRow, watchRows } from './auditRows.ts'
import { playSession } from './playSession.ts'
import { type Demo, startDemo } from './startDemo.ts'

const usage = `Usage: npm run demo -- [options]

  --database URL   mysql://user:password@host:port/name, mariadb://… or sqlite:PATH
                   (default: SQLite in a temporary folder that is deleted afterwards)
  --port PORT      port of the application; the collector uses the next one (default: 4780)
  --play           play one session in headless Chromium, then exit
  --help           show this help
`

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        database: { type: 'string' },
        port: { type: 'string', default: '4780' },
        play: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    })
    const port = Number(values.port)
    if (!Number.isInteger(port) || port < 1 || port > 65_534)
      throw new Error(`Invalid port ${values.port}. Choose a number from 1 to 65534.`)
    return { ...values, port }
  } catch (error) {
    fail(`${error instanceof Error ? error.message : error}\n\n${usage}`, 2)
  }
}

function fail(message: string, status: number): never {
  process.stderr.write(`${message}\n`)
  process.exit(status)
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

const { database, port, play: isPlay, help } = readOptions()
if (help) {
  print(usage)
  process.exit(0)
}

const idleTimeoutSeconds = isPlay ? 5 : 15
const demo: Demo = await startDemo({ database, port, idleTimeoutSeconds }).catch((error: Error) =>
  fail(error.message, 1),
)

if (isPlay) {
  try {
    await playSession(demo, print)
  } catch (error) {
    process.exitCode = 1
    print(`The demo failed: ${error instanceof Error ? error.message : error}`)
  } finally {
    await demo.close()
  }
} else {
  print(`
  Lapse demo

  Application   ${demo.appUrl}   open this in a browser
  Collector     ${demo.collectorUrl}
  Audit table   ${demo.databaseName}

  1. Sign in as one of the users.
  2. Do nothing for ${idleTimeoutSeconds} seconds. The session expires, and nobody is notified.
  3. Open any page. The login page appears, and one row says whose session sat idle, since when, and why it ended.

  Then try "Sign out" (no row) and "End my session on the server" (a different reason).
  New rows appear here and on the page. Press Ctrl+C to stop the demo.
`)
  const stopWatching = watchRows(demo.store, (row) => print(formatRow(row)))
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
  stopWatching()
  await demo.close()
}
