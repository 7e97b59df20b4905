import { execFile } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { parseConfig } from '@lapse/collector'
import { jwtVerify } from 'jose'
import { afterEach, describe, expect, test } from 'vitest'
import { lapsePath } from './collector.ts'
import { type CodeBlock, findBrokenLinks, readCodeBlocks } from './markdown.ts'
import { root } from './root.ts'
import { findFreePort } from './servers.ts'

const blocks = readCodeBlocks()
const secret = 'a secret of the tests, 32 bytes long'
const environment = { ACME_TICKET_SECRET: secret, SIEM_SECRET: secret, SUBJECT: 'u_42', SESSION_ALIAS: 'a1f' }

const folders: string[] = []
function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
  folders.push(folder)
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  return folder
}
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})

const run = promisify(execFile)

function isFound(program: string): boolean {
  const places = program.startsWith('/') ? [''] : (process.env.PATH ?? '').split(delimiter)
  return places.some((place) => existsSync(join(place, program)))
}

const formatPlace = ({ file, line }: CodeBlock) => `${file}:${line}`
const findRunnableBlocks = (...languages: readonly string[]) =>
  blocks
    .filter(({ language, isNotRun }) => !isNotRun && languages.includes(language))
    .map((block) => [formatPlace(block), block] as const)

/** How to run a sample that prints a ticket, by language: the file's name, and the command without it. */
const samples: Readonly<Record<string, { readonly file: string; readonly command: readonly string[] }>> = {
  js: { file: 'ticket.mjs', command: [process.execPath] },
  python: { file: 'ticket.py', command: ['/usr/bin/python3'] },
  java: { file: 'Ticket.java', command: ['java'] },
  go: { file: 'ticket.go', command: ['go', 'run'] },
  php: { file: 'ticket.php', command: ['php'] },
  csharp: { file: 'Program.cs', command: ['dotnet', 'run'] },
}

describe('The pages', () => {
  test('have no broken links', () => {
    expect(findBrokenLinks()).toEqual([])
  })

  test('have no code block that is neither run here nor marked as not-run', () => {
    const handled = ['json', 'sh', 'ts', 'html', ...Object.keys(samples)]
    // Plain text and diagrams are not code.
    const allowed = [...handled, '', 'mermaid']
    const others = blocks.filter(({ language, isNotRun }) => !isNotRun && !allowed.includes(language))
    expect(others.map(formatPlace)).toEqual([])
  })

  test.each(findRunnableBlocks('json'))('show valid JSON and valid configurations: %s', (_, { code }) => {
    const value = JSON.parse(code)
    // The responses of the HTTP API list their sites in an array.
    if (value.sites && !Array.isArray(value.sites)) parseConfig(value, environment)
  })

  test.for(findRunnableBlocks(...Object.keys(samples)))(
    'show code that signs a ticket: %s',
    async ([_, block], { skip }) => {
      const { file = '', command = [] } = samples[block.language] ?? {}
      const [program = '', ...args] = command
      skip(!isFound(program), `${program} is not installed`)
      const folder = makeFolder()
      writeFileSync(join(folder, file), block.code)
      copyFileSync(join(root, 'packages/php/Lapse.php'), join(folder, 'Lapse.php'))
      const { stdout } = await run(program, [...args, file], {
        cwd: folder,
        env: { ...process.env, ...environment },
      })
      const { payload } = await jwtVerify(stdout.trim(), new TextEncoder().encode(secret), {
        typ: 'lapse+jwt',
        issuer: 'acme',
      })
      expect(payload).toMatchObject({ sub: 'u_42', sid: 'a1f', iat: expect.any(Number), idle: 1800 })
    },
  )

  test('show TypeScript that compiles', async () => {
    const folder = makeFolder()
    for (const [index, [, { code }]] of findRunnableBlocks('ts').entries())
      writeFileSync(join(folder, `${index}.ts`), code)
    // What the samples use from the application around them.
    writeFileSync(join(folder, 'application.d.ts'), 'declare const ticket: string\n')
    const options = [
      '--noEmit',
      '--strict',
      '--module',
      'esnext',
      '--moduleResolution',
      'bundler',
      '--types',
      'node',
    ]
    const files = ['application.d.ts', ...findRunnableBlocks('ts').map((_, index) => `${index}.ts`)]
    const compiler = join(root, 'node_modules/.bin/tsc')
    await expect(run(compiler, [...options, ...files], { cwd: folder })).resolves.toMatchObject({
      stdout: '',
    })
  })

  test.each(findRunnableBlocks('html'))(
    'show only attributes that the script supports: %s',
    (_, { code }) => {
      const [, ...attributes] = [...code.matchAll(/data-([a-z-]+)/g)].map(([, name]) => name)
      for (const attribute of attributes) expect(knownAttributes).toContain(attribute)
    },
  )

  test.each([...new Set(findRunnableBlocks('sh').map(([, { file }]) => file))])(
    'show commands that work: %s',
    async (file) => {
      const folder = makeFolder()
      const configuration = blocks.find((block) => block.file === file && /"sites"/.test(block.code))?.code
      writeFileSync(join(folder, 'lapse.config.json'), configuration ?? plainConfiguration)
      const commands = findRunnableBlocks('sh').filter(([, block]) => block.file === file)
      const script = commands.map(([, { code }]) => code).join('\n')
      writeFileSync(join(folder, 'page.sh'), `${prelude}${script}\nlapse list --format ndjson >rows.ndjson\n`)
      const port = String(await findFreePort())
      const env = {
        ...process.env,
        ...environment,
        LAPSE_PORT: port,
        LAPSE_COMMAND: lapsePath,
        LAPSE_NODE: process.execPath,
      }
      await run('bash', ['-e', 'page.sh'], {
        cwd: folder,
        env: { ...env, LAPSE_DATABASE_URL: 'sqlite:lapse.sqlite' },
      })
      const rows = readFileSync(join(folder, 'rows.ndjson'), 'utf8').trim().split('\n').filter(Boolean)
      const reported = rows.map((row) => JSON.parse(row))
      // The commands must still record current times when somebody runs them a year from now.
      const wrong = reported.filter(
        ({ clockSkewMs, detectedAt }) =>
          Math.abs(clockSkewMs) > 60_000 || Math.abs(Date.parse(detectedAt) - Date.now()) > 60_000,
      )
      expect(wrong).toEqual([])
      if (script.includes('/v1/lapses')) expect(reported).not.toEqual([])
      if (file === 'README.md')
        expect(reported).toMatchObject([
          { session: 'a1f', subject: 'u_42', reason: 'idle_timeout', elapsedMs: 3_600_000 },
        ])
    },
  )
})

const knownAttributes = [
  ...[
    'site',
    'state',
    'subject',
    'session',
    'ticket',
    'collector',
    'idle-timeout-seconds',
    'touch-on',
    'requests',
  ],
  ...['on-error', 'cookie-name', 'cookie-domain', 'cookie-path', 'cookie-same-site', 'cookie-days'],
  ...['lapse-logout', 'lapse-message', 'heartbeat-seconds'],
]

const plainConfiguration = JSON.stringify({
  sites: { acme: { origins: ['https://app.acme.com'], idleTimeoutSeconds: 1800 } },
})

/** Runs `lapse serve` in the background, as the collector of the pages' addresses. */
const prelude = `
pids=()
trap '[ \${#pids[@]} = 0 ] || kill "\${pids[@]}"' EXIT
lapse() {
  case "$1" in
    init) rm lapse.config.json && "$LAPSE_NODE" "$LAPSE_COMMAND" "$@" ;;
    serve)
      "$LAPSE_NODE" "$LAPSE_COMMAND" "$@" &
      pids+=($!)
      command curl --silent --fail --output /dev/null --retry 50 --retry-all-errors --retry-delay 1 \
        --retry-max-time 20 "http://127.0.0.1:$LAPSE_PORT/readyz"
      ;;
    *) "$LAPSE_NODE" "$LAPSE_COMMAND" "$@" ;;
  esac
}
npx() { [ "$1" = lapse ] && lapse "\${@:2}"; }
address=https://lapse.acme.com
curl() { command curl --fail-with-body "\${@/"$address"/http://127.0.0.1:$LAPSE_PORT}"; }
"$LAPSE_NODE" "$LAPSE_COMMAND" migrate >migrate.log
`
