import { readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import formatsModule from 'ajv-formats'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { TokenScope } from '../../src/auth/token.ts'
import { exampleSessionEnd } from '../../src/http/openapi/exampleSessionEnd.ts'
import { createCollector, type InProcessCollector, issueToken, origin } from '../support/collector.ts'

const examples = z.record(z.string(), z.object({ value: z.unknown() })).default({})
const content = z.record(z.string(), z.object({ schema: z.unknown(), examples })).default({})
const operation = z.object({
  security: z.array(z.record(z.string(), z.array(z.enum(['read', 'write'])))),
  parameters: z
    .array(z.object({ name: z.string(), in: z.enum(['header', 'query', 'path']), examples }))
    .default([]),
  requestBody: z.object({ content }).default({ content: {} }),
  responses: z.record(z.string(), z.object({ content })),
})
const documentSchema = z.looseObject({
  openapi: z.string(),
  paths: z.record(z.string(), z.record(z.string(), operation)),
})
type Document = z.output<typeof documentSchema>
type Operation = z.output<typeof operation>

interface Example {
  readonly name: string
  readonly method: string
  readonly path: string
  readonly operation: Operation
  readonly body: { readonly mediaType: string; readonly value: unknown } | undefined
  readonly status: number
  /** Empty if the response has no content. */
  readonly mediaType: string
  readonly answer: unknown
}

const noContent = { status: 204, mediaType: '', value: undefined }

/** Collects the examples of a document in its order. The examples of a request and its response have the same name. */
function collectExamples({ paths }: Document): Example[] {
  return Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).flatMap(([method, operation]) => {
      const bodies = flattenExamples(operation.requestBody.content)
      const answers = Object.entries(operation.responses).flatMap(([status, { content }]) =>
        flattenExamples(content).map((answer) => ({ ...answer, status: Number(status) })),
      )
      const parameters = operation.parameters.flatMap((parameter) => Object.keys(parameter.examples))
      const names = [...bodies, ...answers].map(({ name }) => name).concat(parameters)
      return [...new Set(names)].map((name) => {
        const named = answers.filter((candidate) => candidate.name === name)
        const [answer, ...others] = named.length === 0 && '204' in operation.responses ? [noContent] : named
        if (!answer || others.length > 0)
          throw new Error(`${method} ${path} does not have exactly one response named ${name}`)
        const body = bodies.find((candidate) => candidate.name === name)
        if (!body && bodies.length > 0) throw new Error(`${method} ${path} has no request named ${name}`)
        const { status, mediaType, value } = answer
        return { name, method, path, operation, body, status, mediaType, answer: value }
      })
    }),
  )
}

function flattenExamples(content: Operation['requestBody']['content']) {
  return Object.entries(content).flatMap(([mediaType, { examples }]) =>
    Object.entries(examples).map(([name, { value }]) => ({ name, mediaType, value })),
  )
}

describe('The OpenAPI document', () => {
  let collector: InProcessCollector
  let document: Document
  let ajv: Ajv2020
  const tokens: Partial<Record<TokenScope, string>> = {}

  beforeAll(async () => {
    const ticketKeys = [{ alg: 'HS256' as const, secret: 'env:TICKET_SECRET' }]
    const acme = { origins: [origin], idleTimeoutSeconds: 1800, ticketKeys }
    collector = await createCollector({ name: 'SQLite' }, { sites: { acme } })
    document = documentSchema.parse(await (await fetch(`${collector.url}/openapi.json`)).json())
    ajv = new Ajv2020({ strict: false, allErrors: true })
    formatsModule.default(ajv)
    ajv.addSchema(document, 'document')
    for (const scope of ['read', 'write'] as const)
      tokens[scope] = (await issueToken(collector.store, { scope })).token
  })
  afterAll(() => collector.end())

  test('has version 3.1, and needs no token', async () => {
    const response = await fetch(`${collector.url}/openapi.json`)
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toMatch('application/json')
    expect(document.openapi).toMatch(/^3\.1\./)
  })

  test('describes the endpoints that exist, and the reference lists the same ones', async () => {
    const page = readFileSync(new URL('../../../../docs/reference/http-api.md', import.meta.url), 'utf8')
    const listed = [...page.matchAll(/^\| \[`(GET|POST|DELETE) (\/\S*)`\]/gm)].map(
      ([, method = '', path]) => `${method.toLowerCase()} ${path}`,
    )
    const documented = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => ({ method, path })),
    )
    expect(documented.map(({ method, path }) => `${method} ${path}`).sort()).toEqual(listed.sort())
    for (const { method, path } of documented) {
      const { status } = await fetch(collector.url + path, { method })
      expect([404, 405], path).not.toContain(status)
    }
  })

  test('has examples that the collector answers as described', async () => {
    const all = collectExamples(document)
    expect(all.length).toBeGreaterThan(10)
    for (const example of all) {
      const { method, path, name, status, mediaType, answer } = example
      const response = await send(example)
      const body = mediaType === '' ? undefined : await response.json()
      const what = `${name} of ${method} ${path}`
      const contentType = response.headers.get('content-type')
      expect({ status: response.status, contentType }, what).toEqual({
        status,
        contentType: mediaType === '' ? null : expect.stringContaining(mediaType),
      })
      if (mediaType === '') continue
      const at = ['paths', path, method, 'responses', String(status), 'content', mediaType, 'schema']
      const pointer = at.map((step) => step.replaceAll('~', '~0').replaceAll('/', '~1')).join('/')
      for (const value of [answer, body]) {
        ajv.validate(`document#/${pointer}`, value)
        expect(ajv.errors, what).toBeNull()
      }
      expect(body, what).toEqual(ignoreVariableValues(answer))
    }
  })

  function send({ method, path, operation, body, status, name }: Example): Promise<Response> {
    const url = new URL(collector.url)
    const headers = new Headers({ 'User-Agent': exampleSessionEnd.userAgent })
    url.pathname = path
    for (const parameter of operation.parameters) {
      const value = parameter.examples[name]?.value
      if (value === undefined) continue
      if (parameter.in === 'query') url.searchParams.set(parameter.name, String(value))
      if (parameter.in === 'header') headers.set(parameter.name, String(value))
      if (parameter.in === 'path')
        url.pathname = url.pathname.replace(`%7B${parameter.name}%7D`, encodeURIComponent(String(value)))
    }
    const token = chooseToken(operation, body?.value, status)
    if (token) headers.set('Authorization', `Bearer ${token}`)
    if (!body) return fetch(url, { method, headers })
    headers.set('Content-Type', body.mediaType)
    const sent = typeof body.value === 'string' ? body.value : JSON.stringify(body.value)
    return fetch(url, { method, headers, body: sent })
  }

  /** Chooses the token for an example: none for 401, one with the other scope for 403. */
  function chooseToken({ security }: Operation, body: unknown, status: number): string | undefined {
    const [scope] = security.flatMap((requirement) => requirement.token ?? [])
    const isOptional = security.some((requirement) => Object.keys(requirement).length === 0)
    const isServer = serverBody.safeParse(body).success
    if (!scope || status === 401 || (isOptional && !isServer)) return undefined
    return status === 403 ? tokens[scope === 'read' ? 'write' : 'read'] : tokens[scope]
  }
})

const serverBody = z.union([
  z.object({ detectedBy: z.literal('server') }),
  z.object({ except: z.string() }),
  z.array(z.unknown()),
])

const isTime = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/

/** Converts an example to an expected value that allows any time and any id. */
function ignoreVariableValues(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ignoreVariableValues)
  if (typeof value === 'string' && isTime.test(value)) return expect.stringMatching(isTime)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(([key, member]) => {
    if (typeof member === 'number' && ['id', 'clockSkewMs'].includes(key)) return [key, expect.any(Number)]
    return [key, ignoreVariableValues(member)]
  })
  return Object.fromEntries(entries)
}
