import { readFileSync } from 'node:fs'
import type { Middleware } from '../context.ts'
import { operationPaths } from './operations.ts'
import { getLapseOperation, listLapses } from './reading.ts'
import { reportLapse } from './report.ts'
import { jsonSchemas } from './schemas.ts'
import { getSummaryOperation } from './summary.ts'

/** The HTTP API as an OpenAPI 3.1 document; its schemas are those that check what comes in. */
export function openApiDocument() {
  const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'))
  return {
    openapi: '3.1.1',
    info: {
      title: 'Lapse collector',
      version,
      description:
        'Records which sessions ended, whose they were, when and why. Every answer has an `X-Request-Id`, under which the log of the collector has its line. Errors are `application/problem+json`; their `type` is stable.',
      license: { name: 'Apache License 2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/', description: 'This collector' }],
    tags: [
      { name: 'lapses', description: 'Sessions that ended' },
      { name: 'client', description: 'What pages load' },
      { name: 'operations', description: 'What operators look at' },
    ],
    paths: {
      '/v1/lapses': { post: reportLapse, get: listLapses },
      '/v1/lapses/{id}': { get: getLapseOperation },
      '/v1/summary': { get: getSummaryOperation },
      ...operationPaths,
    },
    components: {
      schemas: jsonSchemas(),
      securitySchemes: {
        token: {
          type: 'http',
          scheme: 'bearer',
          description:
            'Made by `lapse token create`, with the scope `write` or `read`, for one site or for all.',
        },
      },
    },
  }
}

/** `GET /openapi.json`: the reference for programs. */
export function getOpenApi(): Middleware {
  const document = JSON.stringify(openApiDocument())
  return (ctx) => {
    ctx.set('Cache-Control', 'no-cache')
    ctx.type = 'json'
    ctx.body = document
  }
}
