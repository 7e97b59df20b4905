import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { Command, Option } from 'commander'
import { decodeJwt } from 'jose'
import { type Config, loadSiteConfig, loadStoreConfig } from '../config/config.ts'
import { selftestSessionPrefix, selftestSubject } from '../domain/selftest.ts'
import type { SessionEnd } from '../domain/sessionEnd.ts'
import type { Limits } from '../domain/verdict.ts'
import { toSessionEnd } from '../store/audit/auditColumns.ts'
import { type ConfigOption, configOption } from './configOption.ts'
import { escapeForTerminal } from './escapeForTerminal.ts'
import { secret, secretHint } from './secret.ts'
import { playSelftest, type SelftestTimes, selftestTimes } from './selftestPlay.ts'
import { reportOf, requirements } from './selftestReport.ts'
import { addKeyOptions, type KeyOptions, signingKeyOf, signTicket } from './signTicket.ts'
import { siteNamed } from './siteNamed.ts'
import { withStore } from './withStore.ts'

interface SelftestOptions extends ConfigOption, KeyOptions {
  readonly site: string
  readonly url?: string
  readonly origin?: string
  readonly ticket?: string
  readonly token?: string
  readonly format: 'text' | 'json'
  readonly output?: string
}

/** `lapse selftest` shows that a timeout is recorded, and writes that down for an auditor. */
export const selftest = new Command('selftest')
  .description(
    'Let a made-up session time out against the running collector, read its row back, and report what was seen. The row is marked as a self-test and not counted.',
  )
  .addOption(configOption)
  .requiredOption('--site <site>', 'the site')
  .option('--url <url>', 'where the collector is (default: "listen" of the configuration)')
  .option('--origin <origin>', "the origin of the page that reports (default: the site's first without *)")
  .option(
    '--ticket <jwt>',
    `a ticket of the subject "${selftestSubject}" and a session "${selftestSessionPrefix}…", instead of one signed here; ${secretHint}`,
    secret,
  )
  .option(
    '--token <token>',
    `read the row by HTTP with this token of the scope read, instead of from the database; ${secretHint}`,
    secret,
  )
  .addOption(new Option('--format <format>', 'of the report').choices(['text', 'json']).default('text'))
  .option('--output <file>', 'where to write the report (default: standard output)')
  .action(async (options: SelftestOptions) => {
    const { config, readRow } = sourceOf(options)
    const limits = siteNamed(config, options.site)
    const url = (options.url ?? urlOf(config)).replace(/\/+$/, '')
    const played = await playSelftest({
      url,
      site: options.site,
      origin: options.origin ?? originOf(limits.origins),
      ...(await identityOf(config, options)),
      readRow: (id) => readRow(url, id),
    })
    const report =
      options.format === 'json'
        ? `${JSON.stringify({ ...played, requirements }, undefined, 2)}\n`
        : reportOf(played)
    if (options.output === undefined) process.stdout.write(escapeForTerminal(report))
    else writeFileSync(options.output, report, { mode: 0o600 })
    const faults = played.checks.flatMap(({ fault }) => fault ?? [])
    if (played.verdict === 'fail') throw new Error(`The self-test failed. ${faults.join(' ')}`)
    if (options.output !== undefined) process.stdout.write(`Passed. The report is ${options.output}.\n`)
  })
addKeyOptions(selftest)

/** With a token the row is read by HTTP, so that the database need not be known. */
function sourceOf({ config: path, token }: SelftestOptions) {
  if (token !== undefined)
    return { config: loadSiteConfig(path), readRow: (url: string, id: number) => readByHttp(url, token, id) }
  const config = loadStoreConfig(path)
  return {
    config,
    readRow: (_: string, id: number) => withStore(config, (store) => store.sessionEnds.find(id)),
  }
}

function urlOf({ listen: { host, port } }: Pick<Config, 'listen'>): string {
  // What listens to every address is reached by the one of this machine.
  const reached = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  return `http://${reached.includes(':') ? `[${reached}]` : reached}:${port}`
}

function originOf(origins: readonly string[]): string {
  const origin = origins.find((written) => !written.includes('*'))
  if (origin !== undefined) return origin
  throw new Error(
    `Name one of the pages with --origin: each origin of the site has a * (${origins.join(', ')}).`,
  )
}

/** Whose session it is, by which limits, and since when. A ticket says that of itself, or is made to say it. */
async function identityOf(config: Pick<Config, 'sites'>, options: SelftestOptions) {
  const { idleTimeoutSeconds, absoluteTimeoutSeconds, graceSeconds, requireTicket } = siteNamed(
    config,
    options.site,
  )
  const limits = { idleTimeoutSeconds, absoluteTimeoutSeconds, graceSeconds }
  const now = Date.now()
  if (options.ticket !== undefined)
    return { ...withTicket(options.ticket, limits, now), ticket: options.ticket }
  const session = `${selftestSessionPrefix}${randomUUID()}`
  const times = selftestTimes(idleTimeoutSeconds, now)
  if (!requireTicket && options.key === undefined) return { limits, session, times, ticket: undefined }
  const issuedAt = Math.floor(times.startedAt / 1000)
  const expiresAt = Math.ceil(now / 1000) + 300
  const key = signingKeyOf(options, () => config)
  const claims = { site: options.site, subject: selftestSubject, session, issuedAt, expiresAt }
  return { limits, session, times, ticket: await signTicket(claims, key) }
}

function withTicket(ticket: string, configured: Limits, now: number) {
  const { sub, sid, iat = 0, idle, abs } = decodeJwt<{ sid?: string; idle?: number; abs?: number }>(ticket)
  // A row of a real user's session would be the only one that it ever has.
  if (sub !== selftestSubject)
    throw new Error(`Name a ticket of the subject "${selftestSubject}": this one is of a user, "${sub}".`)
  if (sid !== undefined && !sid.startsWith(selftestSessionPrefix))
    throw new Error(
      `The ticket is of the session "${sid}": its row would be counted as that of a user. Sign one with a sid that begins with "${selftestSessionPrefix}", or without a sid.`,
    )
  const limits = {
    ...configured,
    idleTimeoutSeconds: idle ?? configured.idleTimeoutSeconds,
    absoluteTimeoutSeconds: abs ?? configured.absoluteTimeoutSeconds,
  }
  const times: SelftestTimes = selftestTimes(limits.idleTimeoutSeconds, now)
  if (iat * 1000 > times.startedAt)
    throw new Error(
      `The ticket is too new for a session that has timed out: sign one with iat of ${Math.floor(times.startedAt / 1000)} or before.`,
    )
  return { limits, session: sid ?? `${selftestSessionPrefix}${randomUUID()}`, times }
}

async function readByHttp(url: string, token: string, id: number): Promise<SessionEnd | undefined> {
  const response = await fetch(`${url}/v1/lapses/${id}`, {
    headers: { Authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(10_000),
  })
  if (response.status === 404) return undefined
  if (!response.ok)
    throw new Error(`The row could not be read with --token: ${response.status} ${await response.text()}`)
  return toSessionEnd((await response.json()) as Record<string, unknown>)
}
