// Runs `npm run demo` and `npm test`: installs what is missing, builds the packages, then starts the task with the
// pinned Node.
import { installPackages, installPrograms, pnpm, run } from './setup.mjs'

const [task, ...args] = process.argv.slice(2)

await installPackages()
if (task === 'test') await installPrograms()
if (task === 'demo' && args.includes('--play')) await installPrograms('chromium')
await pnpm('--silent', 'build')
if (task === 'test') await run('vitest', ['run', ...args])
if (task === 'demo') await run('node', ['demo/demo.ts', ...args])
