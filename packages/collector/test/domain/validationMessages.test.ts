import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { createConfigSchema } from '../../src/config/configSchema.ts'
import { browserEndReportSchema, serverEndReportSchema } from '../../src/domain/endReport.ts'
import { sessionEndSchema } from '../../src/domain/sessionEnd.ts'
import { validate } from '../../src/domain/validation/validate.ts'
import { cursorSchema } from '../../src/reading/cursor.ts'
import { sessionEndFilterSchema } from '../../src/reading/filter.ts'
import { summaryQuerySchema } from '../../src/reading/summaryQuery.ts'

/** The wording of the validator, which means nothing to people. */
const validatorWording =
  /invalid (input|option|key|string|number|value|element|date|uuid|iso)|expected|received|unrecognized|too (big|small)|pattern|undefined|\bnan\b|\[object|safeint|^invalid/i

/** Each text continues the name of a field, as in "port must be an integer". */
const continuesName = /^(must|is|has|cannot|would|looks)\b/

const oddValues: readonly unknown[] = [
  ...[undefined, null, true, false, Symbol('odd'), () => {}, 10n, new Date(Number.NaN), /x/],
  ...[0, -1, 1.5, 1e300, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY],
  ...['', ' ', 'x', '1', '-1', '1.5', 'true', 'null', 'x'.repeat(100_000), '\u009b31m', '\ud800'],
  ...['2026-13-01', '2026-01-02T00:00:00', '25:00', 'https://', '*', 'env:NOT_SET', 'mysql://x'],
  ...[[], [undefined], ['x', 'x'], [[]], Array(1000).fill(0)],
  ...[{}, { x: 1 }, { keys: [] }, { alg: 'none' }, { alg: 'HS256' }, { alg: 'ES256', jwks: {} }, new Map()],
]

function findDetails(schema: z.ZodType): string[] {
  return oddValues.flatMap((value) => {
    const result = validate(schema, value)
    return result.success ? [] : result.faults.map(({ detail }) => detail)
  })
}

/** Yields every schema inside a value, however it is nested. */
function* walkSchemas(value: unknown, seen = new Set<unknown>()): Generator<z.ZodType> {
  if (typeof value !== 'object' || value === null || seen.has(value)) return
  seen.add(value)
  // Transforms and refinements only run on values that their schema accepts.
  const isStandalone = !(value instanceof z.ZodTransform || value instanceof z.ZodCustom)
  if (value instanceof z.ZodType && isStandalone) yield value
  for (const inner of Object.values(value instanceof z.ZodType ? value.def : value))
    yield* walkSchemas(inner, seen)
}

const schemas = {
  'a report of a browser': browserEndReportSchema,
  'a report of a server': serverEndReportSchema,
  'a filter': sessionEndFilterSchema,
  'a cursor': cursorSchema,
  'the query of a summary': summaryQuerySchema,
  'a row': sessionEndSchema,
}

const configSchemas = {
  'the configuration': createConfigSchema({ environment: {}, folder: '/', requiresSecrets: true }),
}

test.each(Object.entries({ ...schemas, ...configSchemas }))(
  'No field of %s shows the wording of the validator, whatever its value is',
  (_, schema) => {
    const walked = [...walkSchemas(schema)]
    const details = walked.flatMap(findDetails)
    expect(details.length).toBeGreaterThan(walked.length)
    expect(details.filter((detail) => validatorWording.test(detail))).toEqual([])
  },
)

test.each(Object.entries(schemas))('Each error about a field of %s continues its name', (_, schema) => {
  const details = [...walkSchemas(schema)].flatMap(findDetails)
  expect(details.filter((detail) => !continuesName.test(detail))).toEqual([])
})

describe('The walk through a schema', () => {
  test('The walk reaches the schemas inside objects, arrays, unions, pipes and optional fields', () => {
    const inner = z.string()
    const nested = z.object({
      list: z.array(z.union([z.object({ deep: inner.optional() }), z.null()])).default([]),
    })
    expect([...walkSchemas(nested.transform((value) => value))]).toContain(inner)
  })
})

const everyIssue: readonly { readonly code: string; readonly schema: z.ZodType; readonly value: unknown }[] =
  [
    ...[
      z.string(),
      z.number(),
      z.int(),
      z.boolean(),
      z.array(z.any()),
      z.object({}),
      z.date(),
      z.never(),
    ].map((schema) => ({ code: 'invalid_type', schema, value: Symbol('odd') })),
    { code: 'invalid_type', schema: z.record(z.string(), z.any()), value: 1 },
    { code: 'invalid_type', schema: z.int(), value: 1.5 },
    { code: 'invalid_value', schema: z.enum(['a', 'b']), value: 1 },
    { code: 'invalid_value', schema: z.literal('a'), value: 1 },
    { code: 'too_small', schema: z.string().min(2), value: '' },
    { code: 'too_small', schema: z.array(z.any()).min(1), value: [] },
    { code: 'too_small', schema: z.number().min(1), value: 0 },
    { code: 'too_small', schema: z.number().gt(1), value: 0 },
    { code: 'too_big', schema: z.string().max(1), value: 'xx' },
    { code: 'too_big', schema: z.array(z.any()).max(1), value: [1, 2] },
    { code: 'too_big', schema: z.number().max(1), value: 2 },
    { code: 'too_big', schema: z.number().lt(1), value: 2 },
    { code: 'too_big', schema: z.int(), value: 2 ** 53 },
    { code: 'not_multiple_of', schema: z.number().multipleOf(2), value: 1 },
    ...[
      z.guid(),
      z.uuid(),
      z.email(),
      z.url(),
      z.ipv4(),
      z.iso.date(),
      z.iso.datetime(),
      z.iso.time(),
      z.jwt(),
    ].map((schema) => ({ code: 'invalid_format', schema, value: 'x' })),
    { code: 'invalid_format', schema: z.string().regex(/y/), value: 'x' },
    { code: 'unrecognized_keys', schema: z.strictObject({ a: z.any() }), value: { a: 1, b: 1 } },
    { code: 'invalid_union', schema: z.union([z.string(), z.number()]), value: true },
    {
      code: 'invalid_union',
      schema: z.discriminatedUnion('a', [z.object({ a: z.literal(1) })]),
      value: { a: 2 },
    },
    { code: 'invalid_key', schema: z.record(z.string().min(2), z.any()), value: { a: 1 } },
    { code: 'invalid_element', schema: z.map(z.any(), z.string()), value: new Map([[{}, 1]]) },
    { code: 'custom', schema: z.any().refine(() => false), value: 1 },
  ]

test.each(everyIssue)(
  'Every kind of issue has a message of Lapse: $code of $schema.def.type',
  ({ code, schema, value }) => {
    const issues = schema.safeParse(value).error?.issues.map((issue) => issue.code)
    expect(issues).toEqual([code])
    const result = validate(schema, value)
    const details = result.success ? [] : result.faults.map(({ detail }) => detail)
    expect(details.length).toBeGreaterThan(0)
    expect(details.filter((detail) => validatorWording.test(detail) || !continuesName.test(detail))).toEqual(
      [],
    )
  },
)
