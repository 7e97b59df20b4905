import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Environment, startEnvironment } from './environment.ts'

let environment: Environment
beforeAll(async () => {
  environment = await startEnvironment()
})
afterEach(() => environment.reset())
afterAll(() => environment.end())

describe('The events', () => {
  test('become a process warning if nobody listens for errors', async () => {
    const { createLapseServer } = await import('@lapse/server')
    const lapse = createLapseServer({
      site: 'acme',
      collector: environment.proxy.url,
      token: 'x',
      idleTimeoutSeconds: 60,
    })
    const warning = new Promise<Error>((resolve) => process.once('warning', resolve))
    lapse.active({ session: '' })
    expect(await warning).toMatchObject({ name: 'LapseServerError', code: 'invalid_report' })
    await lapse.close()
  })

  test('survive a listener that rejects, and errors of any kind', async () => {
    const lapse = environment.createLapse()
    const warned = new Promise((resolve) => process.once('warning', resolve))
    lapse.on('reported', () => Promise.reject(new Error('a fault of the application')))
    lapse.reportError(Object.create(null))
    lapse.ended({ session: 'a1f', reason: 'logout' })
    expect(await warned).toMatchObject({ code: 'unexpected' })
    expect(lapse.errors).toMatchObject([{ code: 'unexpected' }])
  })

  test('survive a listener that throws', async () => {
    const lapse = environment.createLapse()
    const seen: unknown[] = []
    lapse.on('reported', () => {
      throw new Error('a fault of the application')
    })
    lapse.on('reported', (each) => seen.push(each))
    process.once('warning', (warning) => seen.push(warning.message))
    lapse.ended({ session: 'a1f', reason: 'logout' })
    await environment.waitForRows(1)
    await expect.poll(() => seen).toHaveLength(2)
  })
})
