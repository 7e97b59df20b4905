import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { installPackage, packageFolder, python, run } from './python.ts'

const environment = { ...process.env, PYTHONDONTWRITEBYTECODE: '1' }

test('The tests of the Django package pass', async () => {
  const settings = { DJANGO_SETTINGS_MODULE: 'tests.project.settings' }
  const { stderr } = await run(python, ['-m', 'django', 'test'], {
    cwd: packageFolder,
    env: { ...environment, ...settings },
  })
  // If Django found no tests, that would be no failure.
  expect(stderr).toMatch(/^Ran [1-9]\d+ tests/m)
}, 120_000)

test('pip installs the Django package without a network, with its types and its dependencies declared', async () => {
  const site = await installPackage()
  try {
    expect(readdirSync(site).filter((name) => !name.endsWith('.dist-info'))).toEqual(['lapse_django'])
    expect(readdirSync(join(site, 'lapse_django'))).toContain('py.typed')
    const code = `
from importlib.metadata import metadata
import lapse_django
found = metadata("lapse-django")
assert lapse_django.__file__.startswith("${site}"), lapse_django.__file__
assert found["Version"] == lapse_django.__version__, found["Version"]
print(found["Requires-Python"], found.get_all("Requires-Dist"))
`
    const { stdout } = await run(python, ['-c', code], {
      cwd: '/',
      env: { ...environment, PYTHONPATH: site },
    })
    // Versions of setuptools differ in brackets and spaces.
    expect(stdout.replaceAll(/[() ]/g, '')).toBe(
      `>=3.10['Django>=3.2',"PyJWT[crypto]>=2.6;extra=='asymmetric'"]\n`,
    )
  } finally {
    rmSync(dirname(site), { recursive: true })
  }
})

test('Each module of the Django package compiles', async () => {
  const cache = mkdtempSync(join(tmpdir(), 'lapse-test-'))
  try {
    const env = { ...process.env, PYTHONPYCACHEPREFIX: cache }
    await run(python, ['-m', 'compileall', '-q', join(packageFolder, 'lapse_django')], { env })
  } finally {
    rmSync(cache, { recursive: true })
  }
})
