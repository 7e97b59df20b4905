import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { play } from './demo/play.ts'
import { printRow, startRowPrinter } from './demo/rows.ts'
import { type Stage, startStage } from './demo/stage.ts'

const usage = `npm run demo -- [options]

  --database URL   mysql://user:password@host:port/name, mariadb://… or sqlite:PATH
                   (default: SQLite in a folder that goes away with the demo)
  --port PORT      the port of the application; the collector takes the next one (default: 4780)
  --play           play one whole story in headless Chromium, then end
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
      throw new Error(`${values.port} is no port, 1 to 65534.`)
    return { ...values, port }
  } catch (error) {
    fail(`${error instanceof Error ? error.message : error}\n\n${usage}`, 2)
  }
}

function fail(message: string, status: number): never {
  process.stderr.write(`${message}\n`)
  process.exit(status)
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

const { database, port, play: isPlay, help } = readOptions()
if (help) {
  say(usage)
  process.exit(0)
}

const idleTimeoutSeconds = isPlay ? 5 : 15
const stage: Stage = await startStage({ database, port, idleTimeoutSeconds }).catch((error: Error) =>
  fail(error.message, 1),
)

if (isPlay) {
  try {
    await play(stage, say)
  } catch (error) {
    process.exitCode = 1
    say(`The story went wrong: ${error instanceof Error ? error.message : error}`)
  } finally {
    await stage.close()
  }
} else {
  say(`
  Lapse demo

  Application   ${stage.appUrl}   open this in a browser
  Collector     ${stage.collectorUrl}
  Audit table   ${stage.databaseName}

  1. Sign in as one of the users.
  2. Do nothing for ${idleTimeoutSeconds} seconds: the session expires, and nobody is told.
  3. Open any page: you land on the login page, and one row says whose session sat idle, since when, and why it ended.

  Try "Sign out" too (no row), and "End my session on the server" (another reason).
  Rows appear here and in the page as they come. Ctrl+C ends the demo.
`)
  const printer = startRowPrinter(stage.store, (row) => say(printRow(row)))
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
  printer.stop()
  await stage.close()
}
