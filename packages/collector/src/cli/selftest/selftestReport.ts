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
  const { verdict, at, collector, site, origin, limits, event, answers: responses, row, checks } = selftest
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

The end of a simulated session was reported to the running collector, as a browser would report it. The test did not wait for the timeout. Instead, the reported times are in the past: the session was used, then was idle for a minute longer than its limit.

${checks.map(formatCheck).join('\n')}

This test does not show that the pages of the application load the client, or that the application ends its sessions. To check that, let the session of a real user time out.

## What was observed

The report that was sent (times in epoch milliseconds):

${formatJson(event)}

The responses to the report and to its repetition:

${responses.map(formatJson).join('\n\n') || 'None.'}

The stored row:

${row ? formatJson(row) : 'No row was read.'}
`
}

function formatCheck({ what, passed, fault }: Check): string {
  return `- ${passed ? 'passed' : 'FAILED'}: ${what}.${fault === undefined ? '' : ` ${fault}`}`
}

function formatJson(value: unknown): string {
  return `\`\`\`json\n${JSON.stringify(value, undefined, 2)}\n\`\`\``
}
