import { readFileSync } from 'node:fs'
import type { Route } from '../route.ts'
import { type Operation, tags } from './operation.ts'
import { createJsonSchemas } from './schemas.ts'

/** Describes the documented routes as an OpenAPI 3.1 document. */
export function createOpenApiDocument(routes: readonly Route[]) {
  const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'))
  return {
    openapi: '3.1.1',
    info: {
      title: 'Lapse collector',
      version,
      description:
        'The collector records which sessions ended, whose they were, when they ended and why. Every response has an `X-Request-Id` header, which identifies the request in the log of the collector. Errors are `application/problem+json` with a stable `type`.',
      license: { name: 'Apache License 2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/', description: 'This collector' }],
    tags,
    paths: describePaths(routes),
    components: {
      schemas: createJsonSchemas(),
      securitySchemes: {
        token: {
          type: 'http',
          scheme: 'bearer',
          description:
            'A token from `lapse token create`, with the scope `write` or `read`, for one site or for all sites.',
        },
      },
    },
  }
}

function describePaths(routes: readonly Route[]): Record<string, Record<string, Operation>> {
  const paths: Record<string, Record<string, Operation>> = {}
  for (const { method, path, operation } of routes) {
    if (!operation) continue
    const template = path.replaceAll(/:(\w+)/g, '{$1}')
    paths[template] = { ...paths[template], [method]: operation }
  }
  return paths
}
