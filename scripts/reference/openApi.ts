import { createOpenApiDocument } from '../../packages/collector/src/http/openapi/document.ts'
import { routes } from '../../packages/collector/src/http/routes.ts'
import type { JsonSchema } from './jsonSchema.ts'
import { toAnchor } from './markdown.ts'

export interface Example {
  readonly summary?: string
  readonly value: unknown
}

interface Content {
  readonly schema?: JsonSchema
  readonly examples?: Readonly<Record<string, Example>>
}

export type ContentByType = Readonly<Record<string, Content>>

interface Header {
  readonly description?: string
  readonly schema: JsonSchema
}

export interface Response {
  readonly description: string
  readonly headers?: Readonly<Record<string, Header>>
  readonly content?: ContentByType
}

interface Parameter {
  readonly name: string
  readonly in: string
  readonly required?: boolean
  readonly description?: string
  readonly schema: JsonSchema
}

interface OperationObject {
  readonly tags: readonly string[]
  readonly summary: string
  readonly description?: string
  readonly security?: readonly Readonly<Record<string, readonly string[]>>[]
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: { readonly description?: string; readonly content: ContentByType }
  readonly responses: Readonly<Record<string, Response>>
}

/** The parts of the OpenAPI document that the reference shows. */
export interface OpenApiDocument {
  readonly info: { readonly description: string }
  readonly tags: readonly { readonly name: string; readonly description: string }[]
  readonly paths: Readonly<Record<string, Readonly<Record<string, OperationObject>>>>
  readonly components: {
    readonly schemas: Readonly<Record<string, JsonSchema>>
    readonly securitySchemes: Readonly<Record<string, { readonly description: string }>>
  }
}

export interface Operation extends OperationObject {
  /** Its method and path, such as `POST /v1/lapses`. */
  readonly heading: string
  readonly anchor: string
  /** The codes of the problems that it answers with. */
  readonly problems: readonly string[]
}

/** Loads the OpenAPI document as users see it: as JSON. Its inferred type consists of literals. */
export function loadOpenApiDocument(): OpenApiDocument {
  return JSON.parse(JSON.stringify(createOpenApiDocument(routes)))
}

export function listOperations(): Operation[] {
  const { paths } = loadOpenApiDocument()
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => {
      const heading = `${method.toUpperCase()} ${path}`
      return { ...operation, heading, anchor: toAnchor(heading), problems: listProblems(operation) }
    }),
  )
}

/** The codes are in the schemas of the responses, as the `type` of a problem. */
function listProblems({ responses }: OperationObject): string[] {
  const schemas = Object.values(responses).flatMap(
    ({ content }) => content?.['application/problem+json']?.schema?.allOf ?? [],
  )
  return schemas.flatMap(({ properties }) =>
    (properties?.type?.enum ?? []).map((type) => String(type).replace('urn:lapse:problem:', '')),
  )
}
