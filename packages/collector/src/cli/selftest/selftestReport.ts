import type { Check, Selftest } from './selftestTypes.ts'

/** What a self-test is evidence for: requirements of DISA's Application Security and Development STIG, by id. */
export const requirements = [
  {
    id: 'V-222445',
    references: ['APSC-DV-000660', 'SRG-APP-000089', 'CCI-000169', 'NIST SP 800-53 AU-12 a'],
    asks: 'session timeouts can be audited',
  },
  {
    id: 'V-222446',
    references: ['APSC-DV-000670'],
    asks: 'audit records say when an event occurred',
  },
  {
    id: 'V-222464',
    references: ['APSC-DV-000850', 'SRG-APP-000505', 'CCI-000172'],
    asks: "audit records say when a user's access started and ended",
  },
] as const

/** Formats a self-test as Markdown, to attach to an audit. */
export function formatSelftestReport(selftest: Selftest): string {
  const { verdict, at, collector, site, origin, limits, checks } = selftest
  return `# Lapse self-test: ${verdict === 'pass' ? 'passed' : 'FAILED'}

| | |
| --- | --- |
| time | ${at} |
| collector | ${collector.url}, version ${collector.version ?? 'unknown'} |
| site | ${site}, reported from ${origin} |
| idle timeout | ${limits.idleTimeoutSeconds} s |
| absolute timeout | ${limits.absoluteTimeoutSeconds === undefined ? 'none' : `${limits.absoluteTimeoutSeconds} s`} |

All times are in UTC.

## Requirements

DISA Application Security and Development STIG:

${requirements.map(({ id, references, asks }) => `- ${id} (${references.join(', ')}): ${asks}.`).join('\n')}

## What was checked

Simulated sessions were reported to the running collector, as a browser would report them:

- **Nobody comes back.** A live session was opened, and nothing was done until the collector had recorded its timeout. Only then did the user return. This is the check of V-222445: perform no action, wait, then review the log.
- **The user comes back after the timeout.** No use of the session was reported, only its end.

The test did not wait for the idle timeout. Instead, the reported times are in the past: the session was last used so long ago that its time ran out within seconds, or before the report.

${checks.map(formatCheck).join('\n')}

This test does not show that the pages of the application load the client, or that the application ends its sessions. To check that, let the session of a real user time out.

## What was observed if nobody comes back

${formatLive(selftest)}

## What was observed if the user comes back

${formatReturn(selftest)}
`
}

function formatLive({ live }: Selftest): string {
  if (!live) return 'Not played, because an earlier check failed.'
  const { activity, event, answers, row, returnedAt } = live
  return `The report that the session was in use (times in epoch milliseconds):

${formatJson(activity)}

The row that the sweep wrote:

${row ? formatJson(row) : 'There is none.'}

The report of the return:

${event ? formatJson(event) : 'It was not sent.'}

After that, the row said that the user returned: ${returnedAt?.toISOString() ?? 'no'}.

The responses:

${answers.map(formatJson).join('\n\n') || 'None.'}`
}

function formatReturn({ event, answers, row }: Selftest): string {
  if (!event) return 'Not played, because the ticket is for one session only.'
  return `The report that was sent (times in epoch milliseconds):

${formatJson(event)}

The responses to the report and to its repetition:

${answers.map(formatJson).join('\n\n') || 'None.'}

The stored row:

${row ? formatJson(row) : 'No row was read.'}`
}

function formatCheck({ what, passed, fault }: Check): string {
  return `- ${passed ? 'passed' : 'FAILED'}: ${what}.${fault === undefined ? '' : ` ${fault}`}`
}

function formatJson(value: unknown): string {
  return `\`\`\`json\n${JSON.stringify(value, undefined, 2)}\n\`\`\``
}
