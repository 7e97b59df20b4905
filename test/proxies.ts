import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { findProgram } from '../scripts/findProgram.ts'
import { readCodeBlocks } from './markdown.ts'
import { freePort } from './servers.ts'

export const proxyNames = ['nginx', 'haproxy'] as const
export type ProxyName = (typeof proxyNames)[number]

/** A proxy in front of two collectors, with the configuration that the operations guide shows. */
export interface FrontProxy {
  /** Where browsers reach it, by TLS with `certificate`. */
  readonly port: number
  readonly certificate: string
  end(): Promise<void>
}

/** @param collectors are the ports of the collectors. */
export async function startProxy(
  name: ProxyName,
  collectors: readonly [number, number],
): Promise<FrontProxy> {
  const folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
  const port = await freePort()
  const pem = makeCertificate(folder)
  const shown = readCodeBlocks().find(
    ({ file, language }) => file === 'docs/operations.md' && language === name,
  )
  if (!shown) throw new Error(`docs/operations.md shows no configuration for ${name}.`)
  const [first, second] = collectors
  const code = shown.code
    .replaceAll('/etc/lapse/tls.pem', pem)
    .replaceAll('127.0.0.1:4780', `127.0.0.1:${first}`)
    .replaceAll('127.0.0.1:4781', `127.0.0.1:${second}`)
    .replace('listen 443', `listen 127.0.0.1:${port}`)
    .replace('bind :443', `bind 127.0.0.1:${port}`)
  const file = join(folder, `${name}.conf`)
  writeFileSync(file, name === 'nginx' ? wholeNginx(folder, code) : code)
  const args = name === 'nginx' ? ['-p', folder, '-c', file, '-g', 'daemon off;'] : ['-f', file]
  const log = openSync(join(folder, 'log'), 'a')
  const child = spawn(findProgram(name), args, { stdio: ['ignore', log, log] })
  closeSync(log)
  if (!(await isListening(port, child))) {
    child.kill()
    throw new Error(`${name} did not start: ${readFileSync(join(folder, 'log'), 'utf8')}`)
  }
  return {
    port,
    certificate: readFileSync(pem, 'utf8'),
    async end() {
      if (child.exitCode === null) {
        child.kill()
        await once(child, 'exit')
      }
      rmSync(folder, { recursive: true })
    },
  }
}

/** What surrounds the `http` block, with every file in the folder. */
function wholeNginx(folder: string, code: string): string {
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${join(folder, kind)};`,
  )
  return `worker_processes 1;
pid ${join(folder, 'pid')};
error_log stderr warn;
events { worker_connections 256; }
http {
access_log off;
${paths.join('\n')}
${code}
}
`
}

function makeCertificate(folder: string): string {
  const [key, certificate, pem] = ['key', 'certificate', 'tls.pem'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ]
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1']
  execFileSync(
    findProgram('openssl'),
    ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'].concat(
      subject,
      ['-keyout', key, '-out', certificate],
    ),
    { stdio: 'pipe' },
  )
  writeFileSync(pem, readFileSync(certificate, 'utf8') + readFileSync(key, 'utf8'))
  return pem
}

async function isListening(port: number, child: ChildProcess): Promise<boolean> {
  for (let attempt = 0; attempt < 200 && child.exitCode === null; attempt++) {
    const socket = connect(port, '127.0.0.1')
    const isOpen = await once(socket, 'connect').then(
      () => true,
      () => false,
    )
    socket.destroy()
    if (isOpen) return true
    await sleep(50)
  }
  return false
}
