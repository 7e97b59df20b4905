// Runs `npm run demo`, `npm test` and `npm run test:applications`: installs what is missing, builds the packages, then
// starts the task with the pinned Node.
import { installApplications, installPackages, installPrograms, pnpm, run } from './setup.mjs'

const [task, ...args] = process.argv.slice(2)

await installPackages()
if (task === 'test') await installPrograms()
if (task === 'test:applications') await installApplications()
if (task === 'demo' && args.includes('--play')) await installPrograms('chromium')
await pnpm('--silent', 'build')
if (task === 'test') await run('vitest', ['run', '--project', '!applications', ...args])
if (task === 'test:applications') await run('vitest', ['run', '--project', 'applications', ...args])
if (task === 'demo') await run('node', ['demo/demo.ts', ...args])
