import { formatAlternatives, formatCode, formatLink } from './markdown.ts'

/** The parts of JSON Schema that the schemas of Lapse use. */
export interface JsonSchema {
  readonly type?: string | readonly string[]
  readonly title?: string
  readonly description?: string
  readonly default?: unknown
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly format?: string
  readonly pattern?: string
  readonly minimum?: number
  readonly exclusiveMinimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly minItems?: number
  readonly maxItems?: number
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean | JsonSchema
  readonly items?: JsonSchema
  readonly anyOf?: readonly JsonSchema[]
  readonly oneOf?: readonly JsonSchema[]
  readonly allOf?: readonly JsonSchema[]
  readonly $ref?: string
  /** Set by the configuration schema: a type that is easier to read than the derived one. */
  readonly valueType?: string
  /** Set by the configuration schema: what happens if an optional setting is omitted. */
  readonly whenOmitted?: string
}

/** Describes the values that a schema accepts, as Markdown: "integer (1 to 3600)", "`a` or `b`". */
export function describeType(schema: JsonSchema): string {
  return formatAlternatives([...new Set(listAlternatives(schema))])
}

function listAlternatives(schema: JsonSchema): string[] {
  if (schema.valueType !== undefined) return [schema.valueType]
  if (schema.$ref !== undefined) return [formatLink(getSchemaName(schema.$ref))]
  if (schema.const !== undefined) return [formatValue(schema.const)]
  if (schema.enum) return schema.enum.map(formatValue)
  const alternatives = schema.anyOf ?? schema.oneOf
  if (alternatives) return alternatives.flatMap(listAlternatives)
  return [schema.type ?? 'any value'].flat().map((type) => describeSingleType(type, schema))
}

function describeSingleType(type: string, schema: JsonSchema): string {
  switch (type) {
    case 'string':
      return addLimits('string', describeStringLimits(schema))
    case 'integer':
    case 'number':
      return addLimits(type, describeNumberLimits(type, schema))
    case 'array':
      return addLimits(`array of ${describeElements(schema)}`, describeArrayLimits(schema))
    case 'null':
      return '`null`'
    default:
      return type
  }
}

function addLimits(type: string, limits: string | undefined): string {
  return limits === undefined ? type : `${type} (${limits})`
}

const formats: Readonly<Record<string, string>> = {
  'date-time': 'ISO 8601 time',
  date: 'ISO 8601 date',
  uuid: 'UUID',
}

/** The query accepts epoch milliseconds as text. */
const epochMsPattern = '^\\d{12,15}$'

function describeStringLimits({
  format = '',
  pattern,
  minLength = 0,
  maxLength,
}: JsonSchema): string | undefined {
  if (formats[format]) return formats[format]
  if (pattern === epochMsPattern) return 'epoch milliseconds'
  // A time without seconds, for which JSON Schema has no format.
  if (pattern?.includes('T(?:')) return formats['date-time']
  if (maxLength === undefined) return undefined
  return minLength > 0 ? `${minLength} to ${maxLength} characters` : `at most ${maxLength} characters`
}

/** The year 1973. Every time of a report is later, and every other number is smaller. */
const minEpochMs = 100_000_000_000

function describeNumberLimits(
  type: string,
  { minimum, exclusiveMinimum, maximum }: JsonSchema,
): string | undefined {
  const lowest =
    minimum ?? (exclusiveMinimum !== undefined && type === 'integer' ? exclusiveMinimum + 1 : undefined)
  if (lowest !== undefined && lowest >= minEpochMs) return 'epoch milliseconds'
  const hasLowest = lowest !== undefined && lowest > Number.MIN_SAFE_INTEGER
  const hasHighest = maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER
  if (hasLowest && hasHighest) return `${lowest} to ${maximum}`
  if (hasLowest) return `${lowest} or more`
  return hasHighest ? `at most ${maximum}` : undefined
}

function describeElements({ items = {} }: JsonSchema): string {
  const element = describeType(items)
  return element.replace(/^(string|integer|number|object)\b/, '$1s')
}

function describeArrayLimits({ minItems, maxItems }: JsonSchema): string | undefined {
  if (minItems && maxItems !== undefined) return `${minItems} to ${maxItems}`
  if (minItems) return `at least ${minItems}`
  return maxItems === undefined ? undefined : `at most ${maxItems}`
}

function getSchemaName(ref: string): string {
  return ref.slice(ref.lastIndexOf('/') + 1)
}

/** Formats a value as code: text as it is, everything else as JSON. */
export function formatValue(value: unknown): string {
  return formatCode(typeof value === 'string' ? value : formatInlineJson(value))
}

function formatInlineJson(value: unknown): string {
  return JSON.stringify(value, undefined, 1)
    .replaceAll(/\s+/g, ' ')
    .replaceAll('[ ', '[')
    .replaceAll(' ]', ']')
}
