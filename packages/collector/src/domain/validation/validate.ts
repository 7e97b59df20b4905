import { z } from 'zod'

/** One invalid part of a value. */
export interface Fault {
  readonly path: readonly PropertyKey[]
  /** Continues the name of the field, as in "port must be an integer". */
  readonly detail: string
}

type Validated<Output> =
  | { readonly success: true; readonly data: Output }
  | { readonly success: false; readonly faults: readonly Fault[] }

/**
 * Checks a value from outside: a configuration, a report, a query or a ticket's claims. People read the faults, so each
 * kind of issue is described in plain English here, and the validator's own messages never get through.
 */
export function validate<Output>(schema: z.ZodType<Output>, value: unknown): Validated<Output> {
  const result = schema.safeParse(value, { error: describeIssue })
  if (result.success) return { success: true, data: result.data }
  const faults = result.error.issues.flatMap(toFaults)
  // A number can violate two bounds that have the same description.
  const distinct = new Map(faults.map((fault) => [JSON.stringify(fault), fault]))
  return { success: false, faults: [...distinct.values()] }
}

/**
 * Options for a refinement that compares several fields. It also runs when one of them is invalid, so that all faults
 * are reported at once. The refinement therefore has to accept values of any type.
 */
export const runDespiteErrors = {
  when: ({ value }: { readonly value: unknown }) => typeof value === 'object' && value !== null,
}

function toFaults(issue: z.core.$ZodIssue): Fault[] {
  const { path, message } = issue
  if (issue.code === 'unrecognized_keys')
    // Known names are listed once, because a client can send many unknown ones.
    return issue.keys.map((key, index) => ({
      path: [...path, key],
      detail: index === 0 ? message : 'is unknown',
    }))
  const intended = issue.code === 'invalid_union' ? findIntendedOption(issue) : undefined
  if (!intended) return [{ path, detail: message }]
  return intended.flatMap(toFaults).map((fault) => ({ ...fault, path: [...path, ...fault.path] }))
}

/** If only one option of a union has the right type, that is the one the author meant. */
function findIntendedOption(issue: z.core.$ZodIssueInvalidUnion): readonly z.core.$ZodIssue[] | undefined {
  const fitting = issue.errors.filter((issues) => !issues.some(hasWrongType))
  return fitting.length === 1 ? fitting[0] : undefined
}

const hasWrongType = ({ path, code }: z.core.$ZodIssue) => path.length === 0 && code !== 'unrecognized_keys'

const typeRules: Readonly<Record<string, string>> = {
  string: 'must be a string',
  number: 'must be a number',
  int: 'must be an integer',
  boolean: 'must be true or false',
  array: 'must be an array',
  object: 'must be an object',
  record: 'must be an object',
}

const formatRules: Readonly<Record<string, string>> = {
  guid: 'must be a UUID, such as 0b9c1f5e-7f1c-4a53-9c9e-3d8f0a1b2c3d',
  datetime: 'must be a time, such as 2026-01-02T13:30:00Z',
  date: 'must be a date, such as 2026-01-02',
}

function describeIssue(issue: z.core.$ZodRawIssue): string {
  const rule = describeRule(issue)
  if (issue.input !== undefined) return rule
  return issue.code === 'invalid_value' ? `is missing; it ${rule}` : 'is missing'
}

function describeRule(issue: z.core.$ZodRawIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return typeRules[issue.expected] ?? 'has the wrong type'
    case 'invalid_value':
      return `must be ${joinValues(issue.values)}`
    case 'invalid_format':
      return formatRules[issue.format] ?? 'has the wrong format'
    case 'too_small':
      return describeMinimum(issue)
    case 'too_big':
      return describeMaximum(issue)
    case 'not_multiple_of':
      return `must be a multiple of ${issue.divisor}`
    case 'unrecognized_keys':
      return describeUnknownKey(issue.inst instanceof z.ZodObject ? Object.keys(issue.inst.shape) : [])
    case 'invalid_union':
      return describeUnion(issue)
    default:
      return 'is invalid'
  }
}

function describeUnknownKey(known: readonly string[]): string {
  return known.length === 0 ? 'is unknown' : `is unknown; use one of ${known.join(', ')}`
}

function describeMinimum(issue: z.core.$ZodRawIssue<z.core.$ZodIssueTooSmall>): string {
  const { origin, minimum, inclusive } = issue
  if (origin === 'string')
    return minimum === 1 ? 'must not be empty' : `must have at least ${minimum} characters`
  if (origin === 'array') return `must have at least ${minimum} ${minimum === 1 ? 'entry' : 'entries'}`
  return inclusive ? `must be at least ${minimum}` : `must be greater than ${minimum}`
}

function describeMaximum(issue: z.core.$ZodRawIssue<z.core.$ZodIssueTooBig>): string {
  const { origin, maximum, inclusive } = issue
  if (origin === 'string') return `must have at most ${maximum} characters`
  if (origin === 'array') return `must have at most ${maximum} ${maximum === 1 ? 'entry' : 'entries'}`
  return inclusive ? `must be at most ${maximum}` : `must be less than ${maximum}`
}

function describeUnion(issue: z.core.$ZodRawIssue<z.core.$ZodIssueInvalidUnion>): string {
  if ('options' in issue && Array.isArray(issue.options)) return `must be ${joinValues(issue.options)}`
  const rules = (issue.errors ?? []).flatMap(([first]) => first?.message ?? [])
  const [first, ...others] = [...new Set(rules)]
  if (first === undefined) return 'is invalid'
  return [first, ...others.map((rule) => rule.replace(/^must be /, ''))].join(' or ')
}

function joinValues(values: readonly unknown[]): string {
  const named = values.filter((value) => value !== undefined).map(String)
  return named.length === 1 ? `${named[0]}` : `one of ${named.join(', ')}`
}
