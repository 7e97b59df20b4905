import { errorCodes } from '../../packages/collector/src/domain/errors.ts'
import { formatCode, formatJson, formatLink, formatTable, joinParts } from './markdown.ts'
import { requireDescription } from './missingDescriptions.ts'
import { listOperations, type Operation } from './openApi.ts'
import type { Page } from './page.ts'

/** One row of the table of codes. */
interface ErrorEntry {
  readonly status: number
  readonly title: string
  readonly description?: string
  /** What to do about the error. */
  readonly action?: string
}

/** Where errors occur that do not belong to an endpoint, and are therefore not in the OpenAPI document. */
const otherSources: Readonly<Record<string, string>> = {
  'not-found': 'for every URL that is not an endpoint',
  'method-not-allowed': 'when the path exists but does not support the method',
}

const errors: readonly (readonly [code: string, entry: ErrorEntry])[] = Object.entries(errorCodes)

/** The reference of the errors, from the table of codes. */
export function createErrorsPage(): Page {
  const operations = listOperations()
  return {
    file: 'errors.md',
    title: 'Errors',
    summary: 'Every error code of the HTTP API, with its status, meaning and remedy.',
    body: joinParts(
      'An error of the HTTP API is a problem in the format of RFC 9457, with the media type `application/problem+json`:',
      formatJson(findExampleProblem(operations)),
      [
        '- `type` is stable: it is `urn:lapse:problem:` followed by one of the codes below.',
        '- `title` is the same for every problem of a type.',
        '- `detail` says what happened and what to do about it. Its wording may change.',
        '- `errors` lists every invalid part of the request. A part of the body has a `pointer` (a JSON pointer, RFC 6901), a part of the query has a `parameter`.',
      ].join('\n'),
      'If a report gets the status 429, 500 or 503, send it again: a report that arrives twice writes one row. Responses with the status 429 or 503 have a `Retry-After` header, in seconds. Every response has an `X-Request-Id`, and the log of the collector has a line with the same id.',
      '## Codes',
      formatTable(
        ['Status', 'Code', 'Title'],
        errors.map(([code, { status, title }]) => [
          String(status),
          formatLink(code, formatCode(code)),
          `${title}.`,
        ]),
      ),
      ...errors.map(([code, entry]) =>
        joinParts(
          `### ${formatCode(code)}`,
          `Status ${entry.status}. ${entry.title}.`,
          requireDescription(entry.description, `error ${code}`),
          entry.action && `What to do: ${entry.action}`,
          formatSources(code, operations),
        ),
      ),
    ),
  }
}

/** Takes the example from the OpenAPI document, whose examples the tests send to a collector. */
function findExampleProblem(operations: readonly Operation[]): unknown {
  const examples = operations
    .flatMap(({ responses }) => Object.values(responses))
    .flatMap(({ content }) => Object.values(content?.['application/problem+json']?.examples ?? {}))
  return examples.find(({ value }) => typeof value === 'object' && value !== null && 'errors' in value)?.value
}

function formatSources(code: string, operations: readonly Operation[]): string {
  const sources = operations.filter(({ problems }) => problems.includes(code))
  const other = otherSources[code]
  if (sources.length === 0) return `Returned ${requireDescription(other, `source of the error ${code}`)}.`
  if (sources.length === operations.length) return 'Returned by every endpoint.'
  const links = sources.map(({ heading, anchor }) => `[${formatCode(heading)}](http-api.md#${anchor})`)
  return `Returned by ${links.join(', ')}${other === undefined ? '' : `, and ${other}`}.`
}
