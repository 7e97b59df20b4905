import { type Command, InvalidArgumentError, Option } from 'commander'
import { isTimeZone } from '../../reading/buckets.ts'
import { parseTimeExpression, resolveTimeRange, type TimeRange } from '../../reading/timeExpressions.ts'

/** Which time range a command reads, as typed. */
export interface TimeOptions {
  readonly from?: string | undefined
  readonly to?: string | undefined
  readonly timeZone: string
}

/** What `--from` and `--to` accept, with the meaning. */
export const timeForms = [
  ['2026-01-02T13:30:00Z', 'a time; without a UTC offset, it is in --time-zone'],
  ['2026-01-02', 'the start of a date'],
  ['2026-01, 2026', 'a month or a year'],
  ['today, yesterday', 'a day'],
  ['"this week", "last week"', 'a period; also month, quarter and year; weeks start on Monday'],
  ['30m, 24h, 7d', 'how long ago'],
  ['now', 'the current time'],
] as const

/** How `--from` and `--to` treat periods. */
export const periodRule =
  'Without --to, a period in --from means all of it. Otherwise, a period stands for its start.'

/** Explains the options of a time range in the help of a command. */
export function addTimeHelp(command: Command): Command {
  const width = Math.max(...timeForms.map(([form]) => form.length))
  const lines = timeForms.map(([form, meaning]) => `  ${form.padEnd(width)}  ${meaning}`)
  return command.addHelpText('after', `\nTimes:\n${lines.join('\n')}\n${periodRule}`)
}

export const fromOption = new Option(
  '--from <time>',
  'only rows detected at or after this time, or in this period, such as yesterday or 7d',
).argParser(checkTime)

export const toOption = new Option('--to <time>', 'only rows detected before this time').argParser(checkTime)

export const timeZoneOption = new Option(
  '--time-zone <name>',
  'the time zone of dates and days, such as Europe/Vienna',
)
  .argParser(checkTimeZone)
  .default('UTC')

/** Converts the expressions in `--from` and `--to` to the ISO 8601 times of a query. */
export function resolveTimeOptions({ from, to, timeZone }: TimeOptions): TimeRange {
  return resolveTimeRange({ from, to }, { timeZone, now: Date.now() })
}

function checkTime(text: string): string {
  if (parseTimeExpression(text, { timeZone: 'UTC', now: Date.now() })) return text
  throw new InvalidArgumentError(`Use one of these forms: ${timeForms.map(([form]) => form).join(', ')}.`)
}

function checkTimeZone(text: string): string {
  if (isTimeZone(text)) return text
  throw new InvalidArgumentError('Must be the IANA name of a time zone, such as Europe/Vienna.')
}
