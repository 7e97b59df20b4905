import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createCollector, type InProcessCollector, issueToken } from '../support/collector.ts'

describe('A response', () => {
  let collector: InProcessCollector
  let token: string
  beforeAll(async () => {
    collector = await createCollector({ name: 'SQLite' })
    token = (await issueToken(collector.store)).token
  })
  afterAll(() => collector.end())

  const fetchCacheControl = async (path: string, headers: Readonly<Record<string, string>> = {}) => {
    const response = await fetch(`${collector.url}${path}`, { headers })
    await response.text()
    return response.headers.get('cache-control')
  }

  test.each([
    '/v1/lapses',
    '/v1/lapses?format=csv',
    '/v1/lapses/1',
    '/v1/summary',
    '/v1/sessions',
    '/metrics',
    '/dashboard/session',
    '/healthz',
    '/readyz',
  ])('with data is never stored by caches, and neither is an error: %s', async (path) => {
    const foreign = { 'X-Forwarded-For': '203.0.113.7' }
    expect(await fetchCacheControl(path, { Authorization: `Bearer ${token}` })).toBe('no-store')
    expect(await fetchCacheControl(path, foreign)).toBe('no-store')
  })

  test.each(['/', '/tag', '/openapi.json'])('with a document is revalidated: %s', async (path) => {
    expect(await fetchCacheControl(path)).toBe('no-cache')
  })
})
