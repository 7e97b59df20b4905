import { describeType, formatValue, type JsonSchema } from './jsonSchema.ts'
import { formatCode, formatCodeBlock, formatJson, formatLink, formatTable, joinParts } from './markdown.ts'
import { requireDescription } from './missingDescriptions.ts'
import {
  type ContentByType,
  type Example,
  listOperations,
  loadOpenApiDocument,
  type Operation,
  type Response,
} from './openApi.ts'
import type { Page } from './page.ts'

/** The schema of a row has its own page. */
const rowSchemaName = 'SessionEnd'
const rowPageLink = '[row](session-end.md)'

/** The reference of the HTTP API, from the OpenAPI document. */
export function createHttpApiPage(): Page {
  const { info, tags, components } = loadOpenApiDocument()
  const operations = listOperations()
  const commonErrors = findCommonErrors(operations)
  return {
    file: 'http-api.md',
    title: 'HTTP API',
    summary: 'Every endpoint of the collector, with its parameters, bodies, responses and examples.',
    body: joinParts(
      info.description,
      'For programs, `GET /openapi.json` describes the same API as an OpenAPI 3.1 document.',
      '## Endpoints',
      formatTable(
        ['Endpoint', 'Description', 'Authorization'],
        operations.map((operation) => [
          formatLink(operation.heading, formatCode(operation.heading)),
          `${operation.summary}.`,
          formatAuthorization(operation),
        ]),
      ),
      '## Authorization',
      ...Object.values(components.securitySchemes).map(({ description }) => description),
      'Send the token in the header `Authorization: Bearer TOKEN`.',
      '## Errors',
      `The [error reference](errors.md) describes all errors. Every endpoint can return these: ${formatErrors(commonErrors)}.`,
      ...tags.flatMap(({ name, description }) => [
        `## ${description}`,
        ...operations
          .filter((operation) => operation.tags.includes(name))
          .map((operation) => formatOperation(operation, commonErrors)),
      ]),
      '## Schemas',
      ...Object.entries(components.schemas)
        .filter(([name]) => name !== rowSchemaName)
        .map(([name, schema]) => formatSchema(name, schema)),
    ),
  }
}

function findCommonErrors(operations: readonly Operation[]): string[] {
  const [first, ...others] = operations.map(({ problems }) => problems)
  return (first ?? []).filter((code) => others.every((codes) => codes.includes(code)))
}

function formatErrors(codes: readonly string[]): string {
  return codes.map((code) => `[${formatCode(code)}](errors.md#${code})`).join(', ')
}

function formatAuthorization({ security = [] }: Operation): string {
  const scopes = security.flatMap(({ token }) => token ?? []).map(formatCode)
  if (scopes.length === 0) return 'none'
  const isOptional = security.some((requirement) => Object.keys(requirement).length === 0)
  return `${isOptional ? 'none, or ' : ''}a token with the scope ${scopes.join(' or ')}`
}

function formatOperation(operation: Operation, commonErrors: readonly string[]): string {
  const { heading, summary, description, parameters = [], requestBody, responses } = operation
  const ownErrors = operation.problems.filter((code) => !commonErrors.includes(code))
  const successes = Object.entries(responses).filter(([status]) => Number(status) < 400)
  return joinParts(
    `### ${formatCode(heading)}`,
    `${summary}.`,
    description,
    `Authorization: ${formatAuthorization(operation)}.`,
    parameters.length > 0 &&
      formatTable(
        ['Parameter', 'In', 'Type', 'Required', 'Description'],
        parameters.map(({ name, in: place, required, schema, description }) => [
          formatCode(name),
          place,
          describeSchema(schema),
          required ? 'yes' : 'no',
          addDefault(schema, description, `parameter ${name} of ${heading}`),
        ]),
      ),
    requestBody && formatRequestBody(requestBody.content, requestBody.description),
    formatTable(
      ['Status', 'Media type', 'Body', 'Description'],
      successes.map(([status, response]) => formatSuccess(status, response)),
    ),
    formatHeaders(successes.map(([, response]) => response)),
    ...formatExamples(successes, requestBody?.content),
    ownErrors.length > 0 &&
      `Errors: ${formatErrors(ownErrors)}, and the [errors of every endpoint](#errors).`,
  )
}

function formatRequestBody(content: ContentByType, description: string | undefined): string {
  const [schema = {}] = Object.values(content).map(({ schema }) => schema)
  const types = Object.keys(content).map(formatCode).join(' or ')
  return `Request body: ${describeSchema(schema)}, as ${types}. ${description ?? ''}`
}

function formatSuccess(status: string, { description, content = {} }: Response): string[] {
  const types = Object.keys(content)
  const bodies = new Set(Object.values(content).map(({ schema = {} }) => describeSchema(schema)))
  return [
    status,
    types.length > 0 ? types.map(formatCode).join(', ') : 'none',
    types.length > 0 ? [...bodies].join(' or ') : 'none',
    description,
  ]
}

function formatHeaders(responses: readonly Response[]): string | false {
  const headers = responses.flatMap(({ headers = {} }) => Object.entries(headers))
  if (headers.length === 0) return false
  const items = headers.map(([name, { description }]) => {
    const text = requireDescription(description, `response header ${name}`)
    return `- ${formatCode(name)}: ${text}`
  })
  return `Response headers:\n\n${items.join('\n')}`
}

/**
 * An example of a request and the example of its response have the same name. They are in the order of the requests.
 */
function formatExamples(
  responses: readonly (readonly [status: string, response: Response])[],
  requestContent: ContentByType = {},
): string[] {
  const requests = listExamples(requestContent)
  const names = requests.map(([name]) => name)
  return responses
    .flatMap(([status, { content = {} }]) =>
      listExamples(content).map(([name, { value }]) => ({ status, name, value })),
    )
    .sort((one, other) => names.indexOf(one.name) - names.indexOf(other.name))
    .map(({ status, name, value }) => {
      const request = requests[names.indexOf(name)]?.[1]
      return joinParts(
        request && `Example request${request.summary ? ` (${lowerFirst(request.summary)})` : ''}:`,
        request && formatExample(request.value),
        `Example response with status ${status}:`,
        formatExample(value),
      )
    })
}

function listExamples(content: ContentByType): [name: string, example: Example][] {
  return Object.values(content).flatMap(({ examples = {} }) => Object.entries(examples))
}

function formatExample(value: unknown): string {
  return typeof value === 'string' ? formatCodeBlock('', value) : formatJson(value)
}

function formatSchema(name: string, schema: JsonSchema): string {
  const { description, properties = {}, required = [] } = schema
  return joinParts(
    `### ${name}`,
    requireDescription(description, `schema ${name}`),
    formatProperties(name, properties, required),
    ...Object.entries(properties).flatMap(([key, property]) => formatNested(`${name}.${key}`, property)),
  )
}

/** Formats the members of the objects in a property. */
function formatNested(path: string, { properties, required, items, anyOf = [] }: JsonSchema): string[] {
  const objects = [items, ...(items?.anyOf ?? []), ...anyOf].filter(
    (schema) => schema?.properties && !isRow(schema),
  )
  const own = properties
    ? [`Members of ${formatCode(path)}:`, formatProperties(path, properties, required)]
    : []
  const nested = Object.entries(properties ?? {}).flatMap(([key, property]) =>
    formatNested(`${path}.${key}`, property),
  )
  const [first] = objects
  if (!first) return [...own, ...nested]
  const members = Object.assign({}, ...objects.map((schema) => schema?.properties))
  const always = (first.required ?? []).filter((key) =>
    objects.every((schema) => schema?.required?.includes(key)),
  )
  return [...own, ...nested, ...formatNested(`${path}[]`, { properties: members, required: always })]
}

function formatProperties(
  path: string,
  properties: Readonly<Record<string, JsonSchema>>,
  required: readonly string[] = [],
): string {
  return formatTable(
    ['Field', 'Type', 'Required', 'Description'],
    Object.entries(properties).map(([name, schema]) => [
      formatCode(name),
      describeSchema(schema),
      required.includes(name) ? 'yes' : 'no',
      addDefault(schema, schema.description, `${path}.${name}`),
    ]),
  )
}

function addDefault(schema: JsonSchema, description: string | undefined, place: string): string {
  const text = requireDescription(description, place)
  return schema.default === undefined ? text : `${text} Default: ${formatValue(schema.default)}.`
}

/** Describes a type. A row is described as a link to its own page. */
function describeSchema(schema: JsonSchema): string {
  return describeType(linkRows(schema)).replaceAll(formatLink(rowSchemaName), rowPageLink)
}

/** The schema of a row may be repeated where it is used. */
function linkRows(schema: JsonSchema): JsonSchema {
  if (isRow(schema)) return { valueType: rowPageLink }
  return schema.items && isRow(schema.items) ? { valueType: `array of ${rowPageLink}s` } : schema
}

function isRow({ properties = {} }: JsonSchema): boolean {
  return 'sessionKey' in properties
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1)
}
