import { toEcs } from '../../reading/formats/ecs.ts'
import type { ListedSessionEnd } from '../../reading/listedSessionEnd.ts'
import { type Facility, facilities } from './facilities.ts'

/** What the headers of all messages have in common. */
export interface SyslogHeader {
  readonly facility: Facility
  readonly hostName: string
  readonly processId: number
}

const version = 1
/** Informational: RFC 5424, section 6.2.1. */
const severity = 6
const appName = 'lapse'
const messageId = 'session.ended'
/** RFC 5424 stands for an unknown or empty value with this. */
const nil = '-'
const maxHostNameLength = 255

/**
 * Formats a row as a syslog message (RFC 5424) whose text is an ECS event in JSON.
 *
 * The text is pure ASCII: a UTF-8 text would have to start with a byte order mark, which JSON parsers refuse. The JSON
 * escapes every control character, so the message is a single line.
 */
export function formatSyslogMessage(
  row: ListedSessionEnd,
  { facility, hostName, processId }: SyslogHeader,
): string {
  const header = [
    `<${facilities[facility] * 8 + severity}>${version}`,
    row.detectedAt.toISOString(),
    formatHostName(hostName),
    appName,
    String(processId),
    messageId,
    // No structured data: everything is in the event.
    nil,
  ]
  return `${header.join(' ')} ${formatEvent(row)}`
}

/** Frames a message with the number of its octets: RFC 5425, section 4.3. */
export function frameMessage(message: string): string {
  return `${Buffer.byteLength(message)} ${message}`
}

/** Header fields consist of printable ASCII characters without spaces. */
function formatHostName(name: string): string {
  return name.replace(/[^!-~]/g, '').slice(0, maxHostNameLength) || nil
}

function formatEvent(row: ListedSessionEnd): string {
  const json = JSON.stringify(toEcs(row), (_, value) => value ?? undefined)
  return json.replace(/[^ -~]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
