import { z } from 'zod'

/** One part of a value that is not as it must be, and what to do about it. */
export interface Fault {
  readonly path: readonly PropertyKey[]
  readonly detail: string
}

type Validated<Output> =
  | { readonly success: true; readonly data: Output }
  | { readonly success: false; readonly faults: readonly Fault[] }

/**
 * Checks a value from outside: a configuration, a report, a query, a ticket's claims. The faults are plain sentences
 * that continue the name of the field, as in "port must be a whole number".
 */
export function validate<Output>(schema: z.ZodType<Output>, value: unknown): Validated<Output> {
  const result = schema.safeParse(value, { error: describeIssue })
  if (result.success) return { success: true, data: result.data }
  const faults = result.error.issues.flatMap(faultsOf)
  // Two bounds of one number can fail with the same words.
  const distinct = new Map(faults.map((fault) => [JSON.stringify(fault), fault]))
  return { success: false, faults: [...distinct.values()] }
}

function faultsOf(issue: z.core.$ZodIssue): Fault[] {
  const { path, message } = issue
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({ path: [...path, key], detail: message }))
  // One alternative that fits except for a detail is what its writer meant.
  const meant = issue.code === 'invalid_union' ? meantAlternative(issue) : undefined
  if (!meant) return [{ path, detail: message }]
  return meant.flatMap(faultsOf).map((fault) => ({ ...fault, path: [...path, ...fault.path] }))
}

function meantAlternative(issue: z.core.$ZodIssueInvalidUnion): readonly z.core.$ZodIssue[] | undefined {
  const fitting = issue.errors.filter((issues) => issues.every((each) => !isWrongAtRoot(each)))
  return fitting.length === 1 ? fitting[0] : undefined
}

const isWrongAtRoot = ({ path, code }: z.core.$ZodIssue) => path.length === 0 && code !== 'unrecognized_keys'

const types: Readonly<Record<string, string>> = {
  string: 'must be text',
  number: 'must be a number',
  int: 'must be a whole number',
  boolean: 'must be true or false',
  array: 'must be a list',
  object: 'must be an object',
  record: 'must be an object',
}

const formats: Readonly<Record<string, string>> = {
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
      return types[issue.expected] ?? 'has the wrong type'
    case 'invalid_value':
      return `must be ${oneOf(issue.values)}`
    case 'invalid_format':
      return formats[issue.format] ?? 'is written in the wrong form'
    case 'too_small':
      return describeMinimum(issue)
    case 'too_big':
      return issue.origin === 'string'
        ? `must have at most ${issue.maximum} characters`
        : `must be at most ${issue.maximum}`
    case 'not_multiple_of':
      return `must be a multiple of ${issue.divisor}`
    case 'unrecognized_keys':
      return issue.inst instanceof z.ZodObject
        ? `is not known here; known are ${Object.keys(issue.inst.shape).join(', ')}`
        : 'is not known here'
    case 'invalid_union':
      return describeUnion(issue)
    default:
      return 'is not valid'
  }
}

function describeMinimum({ origin, minimum, inclusive }: z.core.$ZodRawIssue<z.core.$ZodIssueTooSmall>) {
  if (origin === 'string')
    return minimum === 1 ? 'must not be empty' : `must have at least ${minimum} characters`
  if (origin === 'array') return `must have at least ${minimum} ${minimum === 1 ? 'entry' : 'entries'}`
  return inclusive ? `must be at least ${minimum}` : `must be greater than ${minimum}`
}

function describeUnion(issue: z.core.$ZodRawIssue<z.core.$ZodIssueInvalidUnion>): string {
  if ('options' in issue && Array.isArray(issue.options)) return `must be ${oneOf(issue.options)}`
  const rules = (issue.errors ?? []).flatMap(([first]) => first?.message ?? [])
  const [first, ...others] = [...new Set(rules)]
  if (first === undefined) return 'is not valid'
  return [first, ...others.map((rule) => rule.replace(/^must be /, ''))].join(' or ')
}

function oneOf(values: readonly unknown[]): string {
  const named = values.filter((value) => value !== undefined).map(String)
  return named.length === 1 ? `${named[0]}` : `one of ${named.join(', ')}`
}
