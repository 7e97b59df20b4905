// Runs `npm run demo`, `npm test`, `npm run test:applications`, `npm run test:matrix` and `npm run test:soak`: installs
// what is missing, builds the packages, then starts the task with the pinned Node.
import {
  installApplications,
  installPackages,
  installPrograms,
  installSoakPrograms,
  pnpm,
  run,
} from './setup.mjs'

const [task, ...args] = process.argv.slice(2)

await installPackages()
if (task === 'test' || task === 'test:matrix') await installPrograms()
if (task === 'test:applications') await installApplications()
if (task === 'test:soak') await installSoakPrograms()
if (task === 'demo' && args.includes('--play')) await installPrograms('chromium')
await pnpm('--silent', 'build')
if (task === 'test')
  await run('vitest', [
    'run',
    ...['applications', 'matrix', 'soak'].flatMap((name) => ['--project', `!${name}`]),
    ...args,
  ])
if (task === 'test:applications') await run('vitest', ['run', '--project', 'applications', ...args])
if (task === 'test:matrix') await run('vitest', ['run', '--project', 'matrix', ...args])
if (task === 'test:soak')
  await run('vitest', ['run', '--project', 'soak', ...args, '--disable-console-intercept'])
if (task === 'demo') await run('node', ['demo/demo.ts', ...args])
