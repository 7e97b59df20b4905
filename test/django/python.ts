import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { root } from '../root.ts'

/** The system's Python: Debian installs Django for it. */
export const python = '/usr/bin/python3'

/** The folder of the Python package. */
export const packageFolder = join(root, 'packages/django')

export const run = promisify(execFile)

/** Without a network, and with Debian's setuptools. */
const pipOptions = ['--no-index', '--no-build-isolation', '--disable-pip-version-check', '--quiet']

/**
 * Installs the package into a new folder, which is a value for `PYTHONPATH`.
 *
 * @throws if what this needs is not installed.
 */
export async function installPackage(): Promise<string> {
  await run(python, ['-c', 'import setuptools, wheel, pip, django, jwt, MySQLdb']).catch((cause: unknown) => {
    const message = `${python} cannot import Django, PyJWT, mysqlclient, pip, setuptools or wheel. Run "npm run setup": it installs them or tells you how.`
    throw new Error(message, { cause })
  })
  const folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
  // pip builds in the source folder, in which other tests may install at the same time. What it has left there is older
  // than the source.
  const source = join(folder, 'source')
  const isSource = (path: string) => !/\/build$|\.egg-info$/.test(path)
  cpSync(packageFolder, source, { recursive: true, filter: isSource })
  const target = join(folder, 'site')
  await run(python, ['-m', 'pip', 'install', ...pipOptions, '--no-deps', '--target', target, source])
  return target
}
