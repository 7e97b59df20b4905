import { execFileSync } from 'node:child_process'
import { chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findProgram } from '../../../scripts/findProgram.ts'
import { waitUntil } from '../../engines/engine.ts'
import { startProgram } from '../../engines/program.ts'
import { findFreePort } from '../../servers.ts'

interface ImapServer {
  readonly port: number
  end(): Promise<void>
}

/** Starts Dovecot as an ordinary user, with its files in a folder of its own. All users have the same password. */
export async function startImapServer(password: string): Promise<ImapServer> {
  const folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
  const port = await findFreePort()
  // Dovecot opens no mailbox as root.
  const account = process.getuid?.() === 0 ? 'nobody' : readId('-un')
  const uid = Number(readId('-u', account))
  const gid = Number(readId('-g', account))
  const configFile = join(folder, 'dovecot.conf')
  writeFileSync(configFile, renderConfig({ folder, port, password, account, group: readId('-gn', account) }))
  chownSync(folder, uid, gid)
  const server = startProgram(findProgram('dovecot'), ['-F', '-c', configFile], { uid, gid })
  const end = async () => {
    await server.kill()
    rmSync(folder, { recursive: true })
  }
  try {
    await waitUntil(() => isListening(port), 'Dovecot')
    return { port, end }
  } catch (cause) {
    await end()
    throw new Error(`Dovecot did not start: ${server.output()}`, { cause })
  }
}

function readId(...args: string[]): string {
  return execFileSync('id', args, { encoding: 'utf8' }).trim()
}

interface DovecotOptions {
  readonly folder: string
  readonly port: number
  readonly password: string
  readonly account: string
  readonly group: string
}

function renderConfig({ folder, port, password, account, group }: DovecotOptions): string {
  // Only root can change to another folder's root, or to another user.
  const services = ['anvil', 'stats'].map((name) => `service ${name} {\n  chroot =\n}`)
  return `protocols = imap
listen = 127.0.0.1
base_dir = ${folder}/run
state_dir = ${folder}/state
log_path = /dev/stderr
ssl = no
disable_plaintext_auth = no
default_internal_user = ${account}
default_internal_group = ${group}
default_login_user = ${account}
mail_location = maildir:${folder}/mail/%u
service imap-login {
  chroot =
  inet_listener imap {
    port = ${port}
  }
}
${services.join('\n')}
passdb {
  driver = static
  args = password=${password}
}
userdb {
  driver = static
  args = uid=${account} gid=${group} home=${folder}/mail/%u
}
`
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(port, '127.0.0.1')
    const finish = (result: boolean) => {
      socket.destroy()
      resolve(result)
    }
    socket.on('connect', () => finish(true)).on('error', () => finish(false))
  })
}
