import { expect, test } from 'vitest'
import { parseConfig } from '../../src/index.ts'
import { createConfig, environment } from '../support/collector.ts'

test.each(['0.0.0.0/0', '0.0.0.0/00', '10.0.0.0/000', '::/0', '::/00', '::ffff:0:0/96', '::/1', '2000::/3'])(
  'trustProxy cannot include all addresses: %s',
  (network) => {
    const config = createConfig('sqlite:unused', { trustProxy: [network] })
    expect(() => parseConfig(config, environment)).toThrow('trustProxy.0: would trust everyone')
  },
)

test.each([
  [['0.0.0.0/1', '128.0.0.0/1']],
  [['10.0.0.0/8', '0.0.0.0/2', '64.0.0.0/2', '128.0.0.0/2', '192.0.0.0/2']],
])('trustProxy cannot include all addresses by several networks: %j', (trustProxy) => {
  const config = createConfig('sqlite:unused', { trustProxy })
  expect(() => parseConfig(config, environment)).toThrow('trustProxy: would trust everyone')
})

test.each([
  '10.0.0.0/33',
  '10.0.0.0/-1',
  '10.0.0.0/',
  '10.0.0.0/8/8',
  '10.0.0/8',
  '::1/129',
  '10.0.0.0/255.0.0.0',
  '',
])('trustProxy cannot be %j, and the message says what to write', (network) => {
  const config = createConfig('sqlite:unused', { trustProxy: [network] })
  expect(() => parseConfig(config, environment)).toThrow('trustProxy.0: must be an IP address or a network')
})

test.each(['10.0.0.0/08', '172.16.0.0/12', '0.0.0.0/1', '::1', 'fd00::/8', '::ffff:10.0.0.0/104'])(
  'trustProxy may be %s',
  (network) => {
    const config = createConfig('sqlite:unused', { trustProxy: [network] })
    expect(parseConfig(config, environment).trustProxy).toEqual([network])
  },
)
