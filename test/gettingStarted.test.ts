import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { type Browser, chromium } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createBrowserOptions } from './browser.ts'
import { type CodeBlock, readCodeBlocks } from './markdown.ts'
import { readStatus } from './readStatus.ts'
import { root } from './root.ts'
import { findFreePort } from './servers.ts'

const run = promisify(execFile)
const page = 'docs/getting-started.md'
const blocks = readCodeBlocks().filter(({ file }) => file === page)

/** In the guide, it is a minute. */
const idleTimeoutSeconds = 3

let browser: Browser
let folder: string
const running: ChildProcess[] = []

beforeAll(async () => {
  browser = await chromium.launch(createBrowserOptions())
  folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
})
afterAll(async () => {
  for (const { pid } of running) if (pid) process.kill(-pid, 'SIGTERM')
  await Promise.all(running.map((child) => child.exitCode ?? once(child, 'exit')))
  await browser.close()
  rmSync(folder, { recursive: true })
})

test('The steps of the getting-started guide lead from an empty folder to one row', async () => {
  const [collectorPort, appPort] = [await findFreePort(), await findFreePort()]
  const project = join(folder, 'my-app')
  const env = { ...process.env, LAPSE_PORT: `${collectorPort}` }

  const used = new Set<CodeBlock>()
  /** Finds the block that contains a text, and replaces its ports and folders with those of this test. */
  const findBlock = (text: string) => {
    const found = blocks.find(({ code }) => code.includes(text))
    if (!found) throw new Error(`No code block in ${page} contains "${text}".`)
    used.add(found)
    return found.code
      .replaceAll('4780', `${collectorPort}`)
      .replaceAll('3000', `${appPort}`)
      .replaceAll('/tmp/lapse', join(folder, 'packed'))
      .replace(/(--idle-timeout |idleTimeoutSeconds = )60/, `$1${idleTimeoutSeconds}`)
  }
  const runBlock = async (text: string, cwd: string) =>
    (await run('bash', ['-e', '-c', findBlock(text)], { cwd, env, maxBuffer: 2 ** 26 })).stdout
  const start = async (text: string, url: string) => {
    // In a new process group, because npx starts the program in another process.
    running.push(
      spawn('bash', ['-c', findBlock(text)], { cwd: project, env, detached: true, stdio: 'ignore' }),
    )
    await expect.poll(() => readStatus(url)).toBe(200)
  }

  await runBlock('pack --out', root)
  await runBlock('mkdir my-app', folder)
  await runBlock('npx lapse init', project)
  await start('npx lapse serve', `http://127.0.0.1:${collectorPort}/readyz`)
  writeFileSync(join(project, 'server.mjs'), findBlock("from 'express'"))
  await start('node server.mjs', `http://127.0.0.1:${appPort}/login`)

  const tab = await browser.newPage()
  await tab.goto(`http://localhost:${appPort}`)
  await tab.click('text=Sign in')
  await tab.waitForSelector('text=You are signed in')
  await sleep(idleTimeoutSeconds * 1000 + 500)
  await tab.reload()
  await tab.waitForSelector(`text=You were signed out after ${idleTimeoutSeconds} seconds without activity.`)
  const list = await runBlock('npx lapse list', project)
  expect(list.trim().split('\n')).toEqual([
    expect.stringMatching(/^id +supersedes +site +subject +session +reason +evidence/),
    expect.stringMatching(/^1 +- +my-app +u_42 +[\da-f-]{36} +idle_timeout +self_reported/),
  ])

  await tab.click('text=Sign in')
  await tab.click('text=Sign out')
  await tab.waitForSelector('button:text("Sign in")')
  expect(await runBlock('npx lapse list', project)).toBe(list)

  // Not run: the checkout is already installed and built.
  const unused = blocks.filter((block) => block.language !== 'text' && !used.has(block))
  expect(unused.map(({ code }) => code.split('\n')[0])).toEqual([
    'node --version',
    'npx --yes pnpm@12 install',
  ])
}, 180_000)
