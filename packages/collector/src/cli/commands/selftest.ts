import { writeFileSync } from 'node:fs'
import { Command, Option } from 'commander'
import { selftestSessionPrefix, selftestSubject } from '../../domain/selftest.ts'
import { type ConfigOption, configOption } from '../options/configOption.ts'
import { addExamples } from '../options/examples.ts'
import { findSite } from '../options/findSite.ts'
import { parseSecret, secretHint } from '../options/parseSecret.ts'
import { parseUrl } from '../options/parseUrl.ts'
import { addSigningKeyOptions, type SigningKeyOptions } from '../options/signingKeyOptions.ts'
import { escapeForTerminal } from '../output/escapeForTerminal.ts'
import { createSelftestSessions } from '../selftest/createSelftestSessions.ts'
import { withSelftestReader } from '../selftest/openSelftestReader.ts'
import { runSelftest } from '../selftest/runSelftest.ts'
import { formatSelftestReport, requirements } from '../selftest/selftestReport.ts'
import type { Selftest } from '../selftest/selftestTypes.ts'

interface SelftestOptions extends ConfigOption, SigningKeyOptions {
  readonly site: string
  readonly url?: string
  readonly origin?: string
  readonly ticket?: string
  readonly token?: string
  readonly format: 'text' | 'json'
  readonly output?: string
}

/** `lapse selftest` shows that a timeout is recorded, and writes a report for auditors. */
export const selftest = new Command('selftest')
  .summary('check that timeouts are recorded, and report it for an audit')
  .description(
    `Play simulated sessions that time out against the running collector, read their rows back, and print a report to attach to an audit. In one of them, the user does not return before the sweep has recorded the timeout, so the command takes up to half a minute with the default "sweep", and longer while the sweep pauses; it says so on standard error. The report states what was sent, answered and stored, which requirements of DISA's Application Security and Development STIG this is evidence for, and whether the test passed. The rows remain, with the subject "${selftestSubject}"; summaries do not count them.`,
  )
  .addOption(configOption)
  .requiredOption('--site <site>', 'the site to test')
  .option(
    '--url <url>',
    'the address of the collector (default: from "listen" in the configuration)',
    parseUrl,
  )
  .option(
    '--origin <origin>',
    "the origin of the reporting page (default: the site's first origin without *)",
  )
  .option(
    '--ticket <jwt>',
    `report with this ticket instead of signing one; its subject must be "${selftestSubject}", and its sid, if any, must begin with "${selftestSessionPrefix}", and is used for one session only; ${secretHint}`,
    parseSecret,
  )
  .option(
    '--token <token>',
    `read the rows over HTTP with this token, which needs the scope read, instead of from the database; ${secretHint}`,
    parseSecret,
  )
  .addOption(
    new Option('--format <format>', 'the format of the report').choices(['text', 'json']).default('text'),
  )
  .option('--output <file>', 'write the report to this file (default: standard output)')
  .action(async (options: SelftestOptions) => {
    await withSelftestReader(options, async (reader, config, url) => {
      const { origins } = findSite(config, options.site)
      const result = await runSelftest({
        ...{ url, reader },
        site: options.site,
        origin: options.origin ?? findOrigin(origins),
        sweepSeconds: config.sweep.everySeconds,
        ...(await createSelftestSessions(config, options)),
        onProgress: (message) => void process.stderr.write(`${message}\n`),
      })
      printResult(result, options)
    })
  })
addSigningKeyOptions(selftest)
addExamples(selftest, [
  {
    line: 'lapse selftest --site acme --output selftest.md',
    description: 'Test the collector of this configuration, and write the report to a file.',
  },
  {
    line: 'lapse selftest --site acme --url https://lapse.acme.com --token env:READ_TOKEN',
    description: 'Test a collector without access to its database.',
  },
])

/** @throws if the self-test failed. */
function printResult(result: Selftest, { format, output }: SelftestOptions): void {
  const report = formatReport(result, format)
  if (output === undefined) process.stdout.write(escapeForTerminal(report))
  else writeFileSync(output, report, { mode: 0o600 })
  const faults = result.checks.flatMap(({ fault }) => fault ?? [])
  if (result.verdict === 'fail') throw new Error(`The self-test failed. ${faults.join(' ')}`)
  if (output !== undefined) process.stdout.write(`The self-test passed. The report is in ${output}.\n`)
}

function findOrigin(origins: readonly string[]): string {
  const origin = origins.find((allowed) => !allowed.includes('*'))
  if (origin !== undefined) return origin
  throw new Error(
    `Name the origin of a page with --origin: every origin of the site contains a * (${origins.join(', ')}).`,
  )
}

function formatReport(result: Selftest, format: SelftestOptions['format']): string {
  return format === 'json'
    ? `${JSON.stringify({ ...result, requirements }, undefined, 2)}\n`
    : formatSelftestReport(result)
}
