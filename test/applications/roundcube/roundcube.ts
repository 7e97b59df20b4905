import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createConnection } from 'mysql2/promise'
import {
  type Application,
  lapsePhpPath,
  type SiteSettings,
  startApplication,
  ticketSecret,
} from '../application.ts'
import { startImapServer } from './imapServer.ts'

export const password = 'secret'

export interface Roundcube extends Application {
  createUser(name: string): Promise<void>
}

/** Starts Debian's Roundcube and Dovecot, with the plugin of this folder. */
export async function startRoundcube(
  settings: SiteSettings,
  sessionLifetimeMinutes: number,
): Promise<Roundcube> {
  const site = 'roundcube'
  const application = await startApplication(site, settings, async (installation) => {
    const { folder, database, collectorUrl, onEnd } = installation
    const imapServer = await startImapServer(password)
    onEnd(imapServer.end)
    const files = join(folder, 'roundcube')
    // Debian's folder has the public files and links to the rest. This one has its own configuration and plugins.
    for (const name of ['config', 'logs', 'temp', 'plugins'])
      mkdirSync(join(files, name), { recursive: true })
    for (const name of ['index.php', 'program', 'skins', 'SQL'])
      symlinkSync(join('/usr/share/roundcube', name), join(files, name))
    for (const name of ['filesystem_attachments', 'jqueryui'])
      symlinkSync(join('/usr/share/roundcube/plugins', name), join(files, 'plugins', name))
    const documentRoot = join(files, 'public_html')
    cpSync('/var/lib/roundcube/public_html', documentRoot, {
      recursive: true,
      verbatimSymlinks: true,
      filter: (path) => !path.endsWith('/.htaccess'),
    })
    const plugin = fileURLToPath(new URL('lapse', import.meta.url))
    cpSync(plugin, join(files, 'plugins/lapse'), { recursive: true })
    cpSync(lapsePhpPath, join(files, 'plugins/lapse/lib/Lapse.php'))
    cpSync('/etc/roundcube/defaults.inc.php', join(files, 'config/defaults.inc.php'))
    cpSync('/etc/roundcube/mimetypes.php', join(files, 'config/mimetypes.php'))
    const config = {
      db_dsnw: database.url,
      imap_host: `127.0.0.1:${imapServer.port}`,
      des_key: 'k'.repeat(24),
      plugins: ['lapse'],
      session_lifetime: sessionLifetimeMinutes,
      lapse_url: collectorUrl,
      lapse_site: site,
      lapse_ticket_secret: ticketSecret,
    }
    writeFileSync(join(files, 'config/config.inc.php'), renderConfig(config))
    const connection = await createConnection({ uri: database.url, multipleStatements: true })
    await connection.query(readFileSync('/usr/share/roundcube/SQL/mysql.initial.sql', 'utf8'))
    await connection.end()
    return { documentRoot }
  })
  // Dovecot knows each name, and Roundcube creates its user at the first sign-in.
  return { ...application, createUser: async () => {} }
}

function renderConfig(settings: Readonly<Record<string, unknown>>): string {
  // JSON's literals are PHP's too, but for objects.
  const lines = Object.entries(settings).map(
    ([name, value]) => `$config['${name}'] = ${JSON.stringify(value)};`,
  )
  return `<?php\n${lines.join('\n')}\n`
}
