import fc from 'fast-check'
import { encodeJson, endpoints, type Payload, subjectEnd } from './bodies.ts'

/** The fields whose invalid values are invalid in the reports of servers, too, unless they are missing. */
const strictFields = ['site', 'marker', 'session', 'subject', 'ticket', 'client']

const createServerHeaders = (token: string) => [
  'Content-Type: application/json',
  `Authorization: Bearer ${token}`,
]

/** Generates requests of servers with a valid token, one or several reports each. */
export function createServerPayloadArbitrary(tokens: {
  readonly read: string
  readonly write: string
}): fc.Arbitrary<Payload> {
  const headers = createServerHeaders(tokens.write)
  const ofEndpoint = endpoints.map(({ path, createReport, badFields }) => {
    const badReport = fc
      .constantFrom(...strictFields)
      .chain((field) =>
        fc
          .constantFrom(...(badFields[field] ?? []).filter((value) => value !== undefined && value !== null))
          .map((value) => createReport({ site: 'open', [field]: value })),
      )
    const entry = fc.oneof(badReport, subjectEnd, fc.jsonValue({ maxDepth: 3 }))
    const bodies = fc.oneof(
      { weight: 4, arbitrary: badReport },
      { weight: 8, arbitrary: fc.array(entry, { maxLength: 10 }) },
      { weight: 1, arbitrary: fc.integer({ min: 490, max: 510 }).map((length) => Array(length).fill({})) },
    )
    const refused = fc.array(fc.constant(createReport({ site: 'open' })), { maxLength: 5 })
    return fc.oneof(
      { weight: 4, arbitrary: bodies.map((body) => ({ path, body: encodeJson(body), headers })) },
      {
        weight: 1,
        arbitrary: refused.map((body) => ({
          path,
          body: encodeJson(body),
          headers: createServerHeaders(tokens.read),
        })),
      },
    )
  })
  return fc.oneof(
    ...ofEndpoint,
    subjectEnd.map((report) => ({ path: '/v1/lapses' as const, body: encodeJson(report), headers })),
  )
}
