import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { findProgram } from '../scripts/findProgram.ts'
import { createCertificateAuthority } from './certificates.ts'
import type { TestCollector } from './collector.ts'
import { readCodeBlocks } from './markdown.ts'
import { findFreePort } from './servers.ts'

export const proxyNames = ['nginx', 'haproxy'] as const
export type ProxyName = (typeof proxyNames)[number]

/** A proxy in front of two collectors, with the configuration from docs/guides/reverse-proxy.md. */
export interface FrontProxy {
  /** The port for browsers, with TLS. */
  readonly port: number
  /** The certificate of the authority that has issued the proxy's certificate. */
  readonly certificate: string
  end(): Promise<void>
}

export async function startProxy(
  name: ProxyName,
  [first, second]: readonly [Pick<TestCollector, 'url'>, Pick<TestCollector, 'url'>],
): Promise<FrontProxy> {
  const folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
  const port = await findFreePort()
  const authority = createCertificateAuthority(folder)
  const { certPath, keyPath } = authority.issue('proxy', 'IP:127.0.0.1')
  const pem = join(folder, 'tls.pem')
  writeFileSync(pem, readFileSync(certPath, 'utf8') + readFileSync(keyPath, 'utf8'))
  const shown = readCodeBlocks().find(
    ({ file, language }) => file === 'docs/guides/reverse-proxy.md' && language === name,
  )
  if (!shown) throw new Error(`docs/guides/reverse-proxy.md shows no configuration for ${name}.`)
  const code = shown.code
    .replaceAll('/etc/lapse/tls.pem', pem)
    .replaceAll('127.0.0.1:4780', new URL(first.url).host)
    .replaceAll('127.0.0.1:4781', new URL(second.url).host)
    .replace('listen 443', `listen 127.0.0.1:${port}`)
    .replace('bind :443', `bind 127.0.0.1:${port}`)
  const file = join(folder, `${name}.conf`)
  writeFileSync(file, name === 'nginx' ? completeNginxConfig(folder, code) : code)
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
    certificate: readFileSync(authority.caPath, 'utf8'),
    async end() {
      if (child.exitCode === null) {
        child.kill()
        await once(child, 'exit')
      }
      rmSync(folder, { recursive: true })
    },
  }
}

/** Adds what nginx needs around the shown part, with all its files in the folder. */
function completeNginxConfig(folder: string, code: string): string {
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
