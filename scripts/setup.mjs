// Runs on the Node that the machine has (20 or later) before anything is installed: plain JavaScript, no dependencies.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const bin = join(root, 'node_modules', '.bin')

/** What runs from here on finds the pinned Node and the installed commands first. */
const environment = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` }

/** Runs a command in the root folder, with its output shown; ends this process when it fails. */
export async function run(command, args) {
  const child = spawn(command, args, { cwd: root, env: environment, stdio: 'inherit' })
  const signals = ['SIGINT', 'SIGTERM']
  // The terminal sends Ctrl+C to both; a supervisor's signal reaches this process only.
  const forward = (signal) => child.kill(signal)
  for (const signal of signals) process.on(signal, forward)
  const [status] = await once(child, 'exit').catch((error) => {
    console.error(`${command} could not be started: ${error.message}`)
    return [1]
  })
  for (const signal of signals) process.off(signal, forward)
  if (status !== 0) process.exit(status ?? 1)
}

/** Runs the version of pnpm that package.json pins, whether or not the machine has one. */
export async function pnpm(...args) {
  const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  await run('npx', ['--yes', packageManager, ...args])
}

/** Installs the packages of the lock file, unless just these are installed already. */
export async function installPackages() {
  const stamp = join(root, 'node_modules', '.lapse-setup')
  const wanted = createHash('sha256')
    .update(readFileSync(join(root, 'pnpm-lock.yaml')))
    .digest('hex')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return
  await pnpm('install', '--frozen-lockfile')
  writeFileSync(stamp, wanted)
}

/** What the tests drive, by Debian's package, with what shows that it is there. */
const programs = {
  chromium: () => hasCommands('chromium'),
  'firefox-esr': () => hasCommands('firefox-esr'),
  'webkit2gtk-driver': () => hasCommands('WebKitWebDriver'),
  xvfb: () => hasCommands('Xvfb', 'xvfb-run'),
  xauth: () => hasCommands('xauth'),
  'mariadb-server': () => hasCommands('mariadbd', 'mariadb-install-db'),
  'redis-server': () => hasCommands('redis-server'),
  haproxy: () => hasCommands('haproxy'),
  nginx: () => hasCommands('nginx'),
  openssl: () => hasCommands('openssl'),
  systemd: () => hasCommands('systemd-analyze'),
  'docker-compose': () => hasCommands('docker-compose') || hasComposePlugin(),
  'python3-django': () => hasPythonModule('django'),
  'python3-jwt': () => hasPythonModule('jwt'),
  'python3-mysqldb': () => hasPythonModule('MySQLdb'),
}

/** Installs the programs that are missing: those named, or all. */
export async function installPrograms(...names) {
  const wanted = names.length > 0 ? names : Object.keys(programs)
  const packages = wanted.filter((name) => !programs[name]())
  if (packages.length === 0) return
  if (!hasCommands('apt-get') || process.getuid?.() !== 0) {
    console.error(
      `Install these programs, so that they are found in PATH, and run this again: ${packages.join(', ')}.`,
    )
    console.error(`On Debian and Ubuntu: sudo apt-get install --no-install-recommends ${packages.join(' ')}`)
    process.exit(1)
  }
  environment.DEBIAN_FRONTEND = 'noninteractive'
  await run('apt-get', ['update', '-q'])
  await run('apt-get', ['install', '-yq', '--no-install-recommends', ...packages])
}

function hasCommands(...commands) {
  // Debian keeps servers out of the PATH of ordinary users.
  const folders = [...process.env.PATH.split(delimiter), '/usr/sbin']
  return commands.every((command) => folders.some((folder) => existsSync(join(folder, command))))
}

/** Newer versions of Compose are a plug-in of Docker. */
function hasComposePlugin() {
  return spawnSync('docker', ['compose', 'version']).status === 0
}

/** The system's Python is asked, whatever other one comes first in PATH: its packages are the system's. */
function hasPythonModule(name) {
  return spawnSync('/usr/bin/python3', ['-c', `import ${name}`]).status === 0
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  await installPackages()
  await installPrograms()
}
