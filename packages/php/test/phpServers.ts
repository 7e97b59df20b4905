import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { findProgram } from '../../../scripts/findProgram.ts'
import { startProgram } from '../../../test/engines/program.ts'
import { listen } from '../../../test/listen.ts'
import { findFreePort } from '../../../test/servers.ts'
import type { LapseArguments } from './runPhp.ts'

const applicationPath = fileURLToPath(new URL('application/index.php', import.meta.url))

/** The application of this folder, on a web server. */
export interface PhpApplication {
  readonly url: string
  /** PHP's error log. */
  log(): string
  end(): Promise<void>
}

/** The ways to serve PHP: with PHP's own server, which cannot hand over a response early, and with FPM behind nginx. */
export const phpServers = { 'php -S': startBuiltInServer, 'PHP-FPM': startFpm } as const

async function startBuiltInServer(args: LapseArguments): Promise<PhpApplication> {
  return serve([applicationPath], { LAPSE_OPTIONS: JSON.stringify(args) }, await findFreePort())
}

/** Serves the PHP files of a folder. */
export function startPhpFolder(
  path: string,
  environment: Readonly<Record<string, string>>,
  port: number,
): Promise<PhpApplication> {
  return serve(['-t', path], environment, port)
}

/** Starts PHP's own web server. */
async function serve(
  target: readonly string[],
  environment: Readonly<Record<string, string>>,
  port: number,
): Promise<PhpApplication> {
  const folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
  const settings = ['-d', `session.save_path=${folder}`, '-d', 'log_errors=1', '-d', 'display_errors=0']
  const server = startProgram(findProgram('php'), [...settings, '-S', `127.0.0.1:${port}`, ...target], {
    env: { ...process.env, ...environment, PHP_CLI_SERVER_WORKERS: '4' },
  })
  const url = `http://127.0.0.1:${port}`
  await waitForServer(url, server.output)
  return {
    url,
    log: server.output,
    async end() {
      await server.kill()
      rmSync(folder, { recursive: true })
    },
  }
}

/** Debian's command has the version in its name. */
function findFpm(): string {
  const name = readdirSync('/usr/sbin').find((file) => /^php-fpm[\d.]*$/.test(file))
  return findProgram(name ?? 'php-fpm')
}

async function startFpm(args: LapseArguments): Promise<PhpApplication> {
  const folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
  const port = await findFreePort()
  const socket = join(folder, 'fpm.sock')
  const logFile = join(folder, 'php.log')
  const user = process.getuid?.() === 0 ? 'user = root\ngroup = root' : ''
  writeFileSync(
    join(folder, 'fpm.conf'),
    `[global]
error_log = ${join(folder, 'fpm.log')}
daemonize = no
[www]
${user}
listen = ${socket}
pm = static
pm.max_children = 4
env[LAPSE_OPTIONS] = '${JSON.stringify(args)}'
php_admin_value[session.save_path] = ${folder}
php_admin_value[error_log] = ${logFile}
php_admin_flag[log_errors] = on
php_admin_flag[display_errors] = off
`,
  )
  const fpm = startProgram(findFpm(), [
    ...(process.getuid?.() === 0 ? ['--allow-to-run-as-root'] : []),
    '--nodaemonize',
    '--fpm-config',
    join(folder, 'fpm.conf'),
  ])
  await waitForSocket(socket, () => readFileSync(join(folder, 'fpm.log'), 'utf8'))
  const gateway = await startNginx(folder, port, socket)
  const url = `http://127.0.0.1:${port}`
  await waitForServer(url, gateway.output)
  return {
    url,
    log: () => (existsSync(logFile) ? readFileSync(logFile, 'utf8') : ''),
    async end() {
      await gateway.kill()
      await fpm.kill()
      rmSync(folder, { recursive: true })
    },
  }
}

async function startNginx(folder: string, port: number, socket: string) {
  const parameters = {
    SCRIPT_FILENAME: applicationPath,
    REQUEST_METHOD: '$request_method',
    REQUEST_URI: '$request_uri',
    QUERY_STRING: '$query_string',
  }
  const lines = Object.entries(parameters).map(([name, value]) => `fastcgi_param ${name} ${value};`)
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  )
  const file = join(folder, 'nginx.conf')
  writeFileSync(
    file,
    `pid ${folder}/nginx.pid; error_log stderr; ${process.getuid?.() === 0 ? 'user root;' : ''} events {}
http { access_log off; ${temporary.join(' ')}
  server { listen 127.0.0.1:${port}; location / { fastcgi_pass unix:${socket}; ${lines.join(' ')} } } }
`,
  )
  return startProgram(findProgram('nginx'), ['-p', folder, '-c', file, '-g', 'daemon off;'])
}

async function waitForSocket(path: string, output: () => string): Promise<void> {
  await waitFor(async () => {
    const socket = connect(path)
    const isOpen = await once(socket, 'connect').then(
      () => true,
      () => false,
    )
    socket.destroy()
    return isOpen
  }, output)
}

async function waitForServer(url: string, output: () => string): Promise<void> {
  const isUp = () =>
    fetch(url, { method: 'HEAD' }).then(
      ({ status }) => status !== 502,
      () => false,
    )
  await waitFor(isUp, output)
}

async function waitFor(condition: () => Promise<boolean>, output: () => string): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    if (await condition()) return
    await sleep(50)
  }
  throw new Error(`The server did not start: ${output()}`)
}

/** A user with a cookie. */
export class PhpVisitor {
  readonly #url: string
  #cookie = ''

  constructor({ url }: PhpApplication) {
    this.#url = url
  }

  /** Requests a page, follows its redirects, and returns the page with the time until the end of the response. */
  async request(path: string): Promise<{ readonly page: string; readonly elapsedMs: number }> {
    const start = performance.now()
    const response = await fetch(this.#url + path, { headers: { Cookie: this.#cookie }, redirect: 'manual' })
    const page = await response.text()
    const elapsedMs = performance.now() - start
    const [cookie] = response.headers.getSetCookie().slice(-1)
    if (cookie) this.#cookie = cookie.split(';', 1)[0] ?? ''
    const location = response.headers.get('Location')
    return location ? this.request(location) : { page, elapsedMs }
  }
}

/** A server that accepts connections and answers nothing. */
export async function startHangingServer() {
  return listen(createServer(() => {}))
}
