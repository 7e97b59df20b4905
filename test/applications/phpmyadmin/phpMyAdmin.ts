import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Application, lapsePhpPath, startApplication, ticketSecret } from '../application.ts'

export const password = 'correct horse battery staple'

export interface PhpMyAdmin extends Application {
  /** Creates a user of the database server that phpMyAdmin signs in to. */
  createUser(name: string): Promise<void>
}

/** Starts Debian's phpMyAdmin with the footer of this folder. */
export async function startPhpMyAdmin(idleTimeoutSeconds: number): Promise<PhpMyAdmin> {
  const site = 'phpmyadmin'
  let runSql = async (_sql: string): Promise<unknown> => undefined
  const application = await startApplication(
    site,
    { idleTimeoutSeconds, recordLogouts: true },
    async ({ folder, database, collectorUrl }) => {
      const documentRoot = join(folder, 'phpmyadmin')
      cpSync('/usr/share/phpmyadmin', documentRoot, { recursive: true, dereference: true })
      cpSync(
        fileURLToPath(new URL('config.footer.inc.php', import.meta.url)),
        join(documentRoot, 'config.footer.inc.php'),
      )
      cpSync(lapsePhpPath, join(documentRoot, 'Lapse.php'))
      const cache = join(folder, 'cache')
      mkdirSync(cache)
      const configFile = join(folder, 'config.inc.php')
      // This file is meant for distributors: it says where the configuration is.
      const vendorConfigFile = join(documentRoot, 'libraries/vendor_config.php')
      writeFileSync(
        vendorConfigFile,
        `<?php
return ${renderArray({ configFile, tempDir: `${cache}/`, cacheDir: `${cache}/` })}
  + require '/usr/share/phpmyadmin/libraries/vendor_config.php';
`,
      )
      const { hostname, port } = new URL(database.url)
      writeFileSync(
        configFile,
        `<?php
$cfg['blowfish_secret'] = '${'s'.repeat(32)}';
$cfg['Servers'][1] = ${renderArray({ auth_type: 'cookie', host: hostname, port })};
$cfg['LoginCookieValidity'] = ${idleTimeoutSeconds};
$cfg['SendErrorReports'] = 'never';
$cfg['CSPAllow'] = '${collectorUrl}';
$cfg['Lapse'] = ${renderArray({ site, collector: collectorUrl, ticketSecret })};
`,
      )
      runSql = (sql) => database.sql.raw(sql)
      return { documentRoot }
    },
  )
  return {
    ...application,
    createUser: async (name) => void (await runSql(`create user ${name}@'%' identified by '${password}'`)),
  }
}

function renderArray(values: Readonly<Record<string, string>>): string {
  const entries = Object.entries(values).map(([key, value]) => `'${key}' => '${value}'`)
  return `[${entries.join(', ')}]`
}
