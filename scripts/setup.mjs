// Plain JavaScript without dependencies, because it runs before anything is installed, on the machine's own Node (20 or
// later).
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const bin = join(root, 'node_modules', '.bin')

/** In this environment, commands run on the pinned Node and find the packages' commands first. */
const environment = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` }

/** Runs a command in the root folder and shows its output. If the command fails, this process exits with its status. */
export async function run(command, args) {
  const child = spawn(command, args, { cwd: root, env: environment, stdio: 'inherit' })
  const signals = ['SIGINT', 'SIGTERM']
  // A terminal sends Ctrl+C to both processes, but a supervisor signals only this one.
  const forward = (signal) => child.kill(signal)
  for (const signal of signals) process.on(signal, forward)
  const [status] = await once(child, 'exit').catch((error) => {
    console.error(`Could not start ${command}: ${error.message}`)
    return [1]
  })
  for (const signal of signals) process.off(signal, forward)
  if (status !== 0) process.exit(status ?? 1)
}

/** Runs the version of pnpm that package.json pins. pnpm itself need not be installed. */
export async function pnpm(...args) {
  const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  await run('npx', ['--yes', packageManager, ...args])
}

/** Installs the packages in the lock file, unless the installed packages are up to date. */
export async function installPackages() {
  const stamp = join(root, 'node_modules', '.lapse-setup')
  const lockFileHash = createHash('sha256')
    .update(readFileSync(join(root, 'pnpm-lock.yaml')))
    .digest('hex')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lockFileHash) return
  await pnpm('install', '--frozen-lockfile')
  writeFileSync(stamp, lockFileHash)
}

/** For each Debian package that the tests need, a check of whether its programs are installed. */
const isInstalled = {
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
  rsyslog: () => hasCommands('rsyslogd'),
  'rsyslog-gnutls': () => existsSync('/usr/share/doc/rsyslog-gnutls'),
  systemd: () => hasCommands('systemd-analyze'),
  // Their completion of commands is tested.
  fish: () => hasCommands('fish'),
  zsh: () => hasCommands('zsh'),
  'docker-compose': () => hasCommands('docker-compose') || hasComposePlugin(),
  'python3-cryptography': () => hasPythonModule('cryptography'),
  'python3-django': () => hasPythonModule('django'),
  'python3-jwt': () => hasPythonModule('jwt'),
  'python3-mysqldb': () => hasPythonModule('MySQLdb'),
  'python3-pip': () => hasPythonModule('pip'),
  'python3-setuptools': () => hasPythonModule('setuptools'),
  'python3-venv': () => hasPythonModule('ensurepip'),
  'python3-wheel': () => hasPythonModule('wheel'),
  'php-cli': () => hasCommands('php'),
  'php-curl': () => hasPhpExtension('curl'),
  'php-fpm': () => hasVersionedCommand('php-fpm'),
  // For promtool, which tests the alert rules.
  prometheus: () => hasCommands('promtool'),
}

/** The same for what only `npm run test:applications` needs. */
const isApplicationInstalled = {
  // Without it, the packages of the applications would ask where their databases are.
  'dbconfig-no-thanks': () => existsSync('/usr/share/doc/dbconfig-no-thanks'),
  wordpress: () => existsSync('/usr/share/wordpress'),
  phpmyadmin: () => existsSync('/usr/share/phpmyadmin'),
  'roundcube-core': () => existsSync('/var/lib/roundcube/public_html'),
  'roundcube-mysql': () => existsSync('/usr/share/doc/roundcube-mysql'),
  'dovecot-imapd': () => hasCommands('dovecot'),
  // With one of PHP's interfaces named, apt does not choose the one that needs Apache.
  'php-cgi': () => hasCommands('php-cgi'),
}

/** The same for what only `npm run test:soak` needs. Galera copies the data to a new node with it. */
const isSoakInstalled = { 'mariadb-backup': () => hasCommands('mariadb-backup') }

/** Installs the named Debian packages that are missing. Without names: all that `npm test` needs. */
export async function installPrograms(...names) {
  await installMissing(isInstalled, names.length > 0 ? names : Object.keys(isInstalled))
}

/** Installs the applications that `npm run test:applications` tests, and what that needs. */
export async function installApplications() {
  const all = { ...isInstalled, ...isApplicationInstalled }
  await installMissing(all, Object.keys(all))
}

/** Installs what the soak test needs. */
export async function installSoakPrograms() {
  await installMissing({ ...isInstalled, ...isSoakInstalled }, [
    'mariadb-server',
    'mariadb-backup',
    'haproxy',
  ])
}

async function installMissing(checks, names) {
  const packages = names.filter((name) => !checks[name]())
  if (packages.length === 0) return
  if (!hasCommands('apt-get') || process.getuid?.() !== 0) {
    console.error(
      `Missing programs: ${packages.join(', ')}. Install them in your PATH, then run this command again.`,
    )
    console.error(`On Debian and Ubuntu: sudo apt-get install --no-install-recommends ${packages.join(' ')}`)
    process.exit(1)
  }
  environment.DEBIAN_FRONTEND = 'noninteractive'
  await run('apt-get', ['update', '-q'])
  const allowServices = forbidServices()
  await run('apt-get', ['install', '-yq', '--no-install-recommends', ...packages])
  allowServices()
}

/**
 * Keeps the services of new packages from starting: the tests start what they need.
 *
 * @returns a function that allows them to start again. The end of this process does the same.
 */
function forbidServices() {
  const policy = '/usr/sbin/policy-rc.d'
  if (existsSync(policy)) return () => {}
  writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  const allow = () => rmSync(policy, { force: true })
  process.once('exit', allow)
  return () => {
    process.off('exit', allow)
    allow()
  }
}

function hasCommands(...commands) {
  // Debian keeps servers outside the PATH of ordinary users.
  const folders = [...process.env.PATH.split(delimiter), '/usr/sbin']
  return commands.every((command) => folders.some((folder) => existsSync(join(folder, command))))
}

/** Debian appends the version to some commands, such as `php-fpm8.2`. */
function hasVersionedCommand(command) {
  const versioned = new RegExp(`^${command}[\\d.]*$`)
  const folders = [...process.env.PATH.split(delimiter), '/usr/sbin'].filter((folder) => existsSync(folder))
  return folders.some((folder) => readdirSync(folder).some((name) => versioned.test(name)))
}

function hasPhpExtension(name) {
  return spawnSync('php', ['-r', `exit(extension_loaded('${name}') ? 0 : 1);`]).status === 0
}

/** Newer versions of Compose are a plugin of Docker. */
function hasComposePlugin() {
  return spawnSync('docker', ['compose', 'version']).status === 0
}

/** Asks the system's Python, even if PATH has another one: Debian installs the packages for it. */
function hasPythonModule(name) {
  return spawnSync('/usr/bin/python3', ['-c', `import ${name}`]).status === 0
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  await installPackages()
  await installPrograms()
}
