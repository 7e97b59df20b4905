import { describe, onTestFinished, test } from 'vitest'
import { serverKinds } from '../../../../test/servers.ts'
import { startTcpProxy } from '../../../../test/tcpProxy.ts'
import { useOwnServer } from '../support/ownServer.ts'

describe.each(serverKinds)('On $name with unusable settings', (kind) => {
  const server = useOwnServer(kind)
  const { isMariadb, setGlobally, expectRefusal, migrate } = server

  test.each(isMariadb ? ['read_only'] : ['read_only', 'super_read_only'])(
    'The collector refuses to start on a host with %s',
    async (variable) => {
      const { url } = await server.createAccount()
      await migrate(url)
      await setGlobally(
        variable === 'super_read_only' ? { super_read_only: 1, read_only: 1 } : { [variable]: 1 },
      )
      await expectRefusal(url, new RegExp(`It does not accept writes \\(.*${variable}=ON`))
    },
  )

  test('The collector refuses to start on a host with innodb_read_only, such as a reader of Aurora', async () => {
    const { url } = await server.createAccount()
    await migrate(url)
    await server.restartWith('--innodb-read-only')
    await expectRefusal(url, /It does not accept writes \(.*innodb_read_only=ON/)
  })

  test('The collector refuses to start if max_allowed_packet is too small for the largest report', async () => {
    const { url } = await server.createAccount()
    await setGlobally({ max_allowed_packet: 65_536 })
    await expectRefusal(url, /max_allowed_packet=65536/)
  })

  test('The collector refuses to start if the binary log refuses its isolation level', async () => {
    const { url } = await server.createAccount()
    await migrate(url)
    await server.restartWith('--log-bin', '--binlog-format=STATEMENT')
    await expectRefusal(url, /binlog_format=STATEMENT, which refuses the isolation level READ COMMITTED/)
  })

  test('The collector refuses to start if the engine of its table has no transactions', async () => {
    const { url, root } = await server.createAccount()
    await migrate(url)
    // Debian's MariaDB has no BLACKHOLE.
    for (const engine of isMariadb ? ['MyISAM', 'MEMORY'] : ['MyISAM', 'MEMORY', 'BLACKHOLE']) {
      await root.query('drop table session_audit')
      await root.query(`create table session_audit (id bigint primary key) engine = ${engine}`)
      await expectRefusal(url, new RegExp(`engine=${engine}, which has no transactions`))
    }
  })

  test('The collector refuses to start behind a proxy that drops its settings', async () => {
    const { url } = await server.createAccount()
    await migrate(url)
    const proxy = await startTcpProxy(server.port, (sent) =>
      Buffer.from(
        sent.toString('latin1').replace('session autocommit = 1', 'session autocommit = 0'),
        'latin1',
      ),
    )
    onTestFinished(proxy.close)
    const proxyUrl = url.replace(`:${server.port}/`, `:${proxy.port}/`)
    await expectRefusal(`${proxyUrl}?ssl-mode=DISABLED`, /autocommit=OFF/)
  })
})
