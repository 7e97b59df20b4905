import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'vitest'
import { createCertificateAuthority } from '../../../../test/certificates.ts'
import { serverKinds } from '../../../../test/servers.ts'
import { expectContract } from '../support/contract.ts'
import { useOwnServer } from '../support/ownServer.ts'

describe.each(serverKinds)('Encrypted connections to $name', (kind) => {
  const server = useOwnServer(kind)
  const { isMariadb, expectWorks, expectRefusal } = server

  test.each(['', 'ssl-mode=PREFERRED', 'ssl-mode=REQUIRED'])(
    'The collector connects with "?%s" to a server that requires encryption',
    async (options) => {
      await server.setGlobally({ require_secure_transport: 1 })
      await expectWorks(`?${options}`)
    },
  )

  test('The collector verifies the authority and the host name of the certificate', async () => {
    const ca = `ssl-ca=${server.authority.caPath}`
    await expectWorks(`?${ca}`)
    await expectWorks(`?ssl-mode=VERIFY_IDENTITY&${ca}`)
  })

  test('The collector presents a client certificate to an account that requires one', async () => {
    const { certPath, keyPath } = server.authority.issue('client', 'DNS:collector')
    await expectWorks(`?ssl-mode=REQUIRED&ssl-cert=${certPath}&ssl-key=${keyPath}`, 'require x509')
    const { url } = await server.createAccount('require x509')
    await expectRefusal(`${url}?ssl-mode=REQUIRED`, /Access denied.*ssl-cert and ssl-key/s)
  })

  test('The collector refuses to start without the required encryption, and names the certificate or option', async () => {
    const { url } = await server.createAccount()
    const other = mkdtempSync(join(server.folder, 'other-'))
    const { caPath: otherCaPath } = createCertificateAuthority(other)
    await expectRefusal(`${url}?ssl-mode=VERIFY_CA&ssl-ca=${otherCaPath}`, /Check ssl-ca/)
    await expectRefusal(`${url}?ssl-mode=VERIFY_CA`, /Check ssl-ca/)
    await expectRefusal(
      `${url}?ssl-ca=${join(server.folder, 'missing.pem')}`,
      /missing\.pem \(ssl-ca in the database URL\) cannot be read: ENOENT/,
    )
    await server.setGlobally({ require_secure_transport: 1 })
    await expectRefusal(`${url}?ssl-mode=DISABLED`, /require_secure_transport.*ssl-mode=DISABLED/s)
  })

  test('The collector refuses a certificate of another host', async () => {
    await server.restartWith(...server.issueServerCertificate('elsewhere', 'DNS:db.elsewhere.example'))
    const { url, root } = await server.createAccount()
    const ca = `ssl-ca=${server.authority.caPath}`
    await expectRefusal(`${url}?ssl-mode=VERIFY_IDENTITY&${ca}`, /certificate names the host/)
    await expectContract(`${url}?ssl-mode=VERIFY_CA&${ca}`, root)
  })

  test('The collector connects without encryption only if ssl-mode allows it', async () => {
    await server.restartWith(isMariadb ? '--skip-ssl' : '--tls-version=')
    const { url, root } = await server.createAccount()
    await expectRefusal(`${url}?ssl-mode=REQUIRED`, /does not offer TLS/)
    await expectContract(url, root)
  })
})
