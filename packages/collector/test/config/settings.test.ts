import { describe, expect, test } from 'vitest'
import { parseConfig } from '../../src/index.ts'
import { createConfig, environment } from '../support/collector.ts'

describe('The setting database', () => {
  const parseDatabase = (database: string, variables: Readonly<Record<string, string>> = {}) =>
    parseConfig(createConfig(database), { ...environment, ...variables }).database

  test('may name an environment variable', () => {
    const url = 'mysql://lapse:secret@db/lapse'
    expect(parseDatabase('env:DATABASE', { DATABASE: url })).toEqual(parseDatabase(url))
    expect(() => parseDatabase('env:DATABASE')).toThrow(
      'database: the environment variable DATABASE is not set',
    )
  })

  test('cannot be an in-memory database', () => {
    expect(() => parseDatabase('sqlite::memory:')).toThrow('database: an in-memory database cannot be shared')
  })
})

test.each([null, '', [], true, 1.5, '4780x'])('listen.port cannot be %j', (port) => {
  const config = { ...createConfig('sqlite:unused'), listen: { port } }
  expect(() => parseConfig(config, environment)).toThrow('listen.port')
})
