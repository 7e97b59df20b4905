// `npm run demo` and `npm test`: installs what is missing, builds, and goes on with the pinned Node.
import { installPackages, installPrograms, pnpm, run } from './setup.mjs'

const [task, ...args] = process.argv.slice(2)

installPackages()
if (task === 'test') installPrograms('chromium', 'mariadb-server')
if (task === 'demo' && args.includes('--play')) installPrograms('chromium')
pnpm('--silent', 'build')
if (task === 'test') run('vitest', ['run', ...args])
if (task === 'demo') run('node', ['scripts/demo.ts', ...args])
