import { describe, expect, test } from 'vitest'
import { parseConfig } from '../../src/index.ts'
import { createConfig, environment } from '../support/collector.ts'

const parse = (database: string) => parseConfig(createConfig(database), environment).database

describe('A database URL', () => {
  test.each([
    ['mysql://lapse@db/lapse', { mode: 'PREFERRED' }],
    ['mysql://lapse@db/lapse?', { mode: 'PREFERRED' }],
    ['mariadb://lapse@db/lapse?ssl-mode=REQUIRED', { mode: 'REQUIRED' }],
    ['mysql://lapse@db/lapse?ssl-mode=required', { mode: 'REQUIRED' }],
    ['mysql://lapse@a,b:3307/lapse?ssl-mode=DISABLED', { mode: 'DISABLED' }],
    ['mysql://lapse@db/lapse?ssl-mode=VERIFY_IDENTITY', { mode: 'VERIFY_IDENTITY' }],
    ['mysql://lapse@10.0.0.5/lapse?ssl-mode=VERIFY_CA', { mode: 'VERIFY_CA' }],
    ['mysql://lapse@db/lapse?ssl-ca=/etc/ca.pem', { mode: 'VERIFY_CA', caPath: '/etc/ca.pem' }],
    [
      'mysql://lapse@db/lapse?ssl-mode=REQUIRED&ssl-cert=/etc/my%20cert.pem&ssl-key=/etc/key.pem',
      { mode: 'REQUIRED', certPath: '/etc/my cert.pem', keyPath: '/etc/key.pem' },
    ],
  ])('The URL %s sets how connections are encrypted', (url, tls) => {
    expect(parse(url)).toMatchObject({ dialect: 'mysql', tls })
  })

  test.each([
    ['mysql://lapse@db/lapse?ssl=true', '"ssl" is not an option'],
    ['mysql://lapse@db/lapse?ssl-mode=STRICT', 'ssl-mode must be one of DISABLED, PREFERRED'],
    ['mysql://lapse@db/lapse?ssl-mode=', '"ssl-mode" has no value'],
    ['mysql://lapse@db/lapse?ssl-mode=REQUIRED&ssl-mode=DISABLED', '"ssl-mode" is given more than once'],
    ['mysql://lapse@db/lapse?ssl-cert=/etc/cert.pem', 'ssl-cert and ssl-key must be used together'],
    ['mysql://lapse@db/lapse?ssl-mode=DISABLED&ssl-ca=/etc/ca.pem', 'ssl-mode=DISABLED cannot be combined'],
    ['mysql://lapse@10.0.0.5/lapse?ssl-mode=VERIFY_IDENTITY', 'not the address 10.0.0.5'],
    ['mysql://lapse@db,[::1]/lapse?ssl-mode=VERIFY_IDENTITY', 'not the address ::1'],
    ['mysql://lapse@db/lapse#ssl', 'this is not a database URL'],
    ['mysql://lapse@db?ssl-mode=REQUIRED', 'the name of the database is missing'],
    ['postgres://lapse@db/lapse', 'this is not a database URL'],
  ])('%s is refused: %s', (url, reason) => {
    expect(() => parse(url)).toThrow(reason)
  })

  test('The password does not appear in an error', () => {
    expect(() => parse('mysql://lapse:hunter2@db/lapse?ssl-mode=STRICT')).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining('hunter2') }),
    )
  })
})
