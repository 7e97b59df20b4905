import type { Selftest } from './runSelftest.ts'

/** What it is evidence for, by the ids of DISA's Application Security and Development STIG. */
export const requirements = [
  {
    id: 'V-222445',
    references: ['APSC-DV-000660', 'SRG-APP-000089', 'CCI-000169', 'NIST SP 800-53 AU-12 a'],
    asks: 'session timeouts can be audited',
  },
  { id: 'V-222446', references: ['APSC-DV-000670'], asks: 'a record tells when the event occurred' },
  {
    id: 'V-222464',
    references: ['APSC-DV-000850', 'SRG-APP-000505', 'CCI-000172'],
    asks: "records tell when a user's access began and ended",
  },
] as const

/** Writes a self-test as Markdown, to be attached to an audit. */
export function reportOf(selftest: Selftest): string {
  const { verdict, at, collector, site, origin, limits, event, answers, row, checks } = selftest
  return `# Lapse self-test: ${verdict === 'pass' ? 'passed' : 'FAILED'}

| | |
| --- | --- |
| time | ${at} |
| collector | ${collector.url}, version ${collector.version ?? 'unknown'} |
| site | ${site}, reported from ${origin} |
| idle timeout | ${limits.idleTimeoutSeconds} s |
| absolute timeout | ${limits.absoluteTimeoutSeconds === undefined ? 'none' : `${limits.absoluteTimeoutSeconds} s`} |

All times are UTC.

## Requirements

DISA Application Security and Development STIG:

${requirements.map(({ id, references, asks }) => `- ${id} (${references.join(', ')}): ${asks}.`).join('\n')}

## What was checked

The end of a made-up session was reported to the running collector as a browser does it. Its times are dated back, rather than waited for: it was used for a minute, then sat idle for a minute longer than its limit.

${checks.map(({ what, passed, fault }) => `- ${passed ? 'passed' : 'FAILED'}: ${what}.${fault === undefined ? '' : ` ${fault}`}`).join('\n')}

It does not show that the application's pages load the client, nor that the application ends its sessions: let a session of a real user time out for that.

## What was seen

The event that was sent (times in epoch milliseconds):

${block(event)}

The answers, to it and to its repetition:

${answers.map(block).join('\n\n') || 'None.'}

The row as it is stored:

${row ? block(row) : 'None was read.'}
`
}

const block = (value: unknown) => `\`\`\`json\n${JSON.stringify(value, undefined, 2)}\n\`\`\``
