import { execFile } from 'node:child_process'
import { cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { findProgram } from '../../../scripts/findProgram.ts'
import {
  type Application,
  lapsePhpPath,
  type SiteSettings,
  startApplication,
  ticketSecret,
} from '../application.ts'

export const password = 'correct horse battery staple'

interface WordPressOptions {
  readonly idleTimeoutSeconds?: number
  /** How long after the sign-in a session ends (default: two days). */
  readonly lifetimeSeconds?: number
}

export interface WordPress extends Application {
  createUser(name: string): Promise<void>
}

/** Starts Debian's WordPress with the must-use plugins of this folder. */
export async function startWordPress(
  settings: SiteSettings,
  { idleTimeoutSeconds, lifetimeSeconds }: WordPressOptions,
): Promise<WordPress> {
  let runScript = async (_script: string): Promise<unknown> => undefined
  const application = await startApplication('wordpress', settings, async (installation) => {
    const { folder, database, url, collectorUrl } = installation
    const documentRoot = join(folder, 'wordpress')
    cpSync('/usr/share/wordpress', documentRoot, { recursive: true, dereference: true, filter: isReadable })
    const plugins = fileURLToPath(new URL('mu-plugins', import.meta.url))
    const installedPlugins = join(documentRoot, 'wp-content/mu-plugins')
    cpSync(plugins, installedPlugins, { recursive: true })
    cpSync(lapsePhpPath, join(installedPlugins, 'lapse/Lapse.php'))
    if (lifetimeSeconds) {
      const filter = `<?php add_filter('auth_cookie_expiration', fn () => ${lifetimeSeconds});`
      writeFileSync(join(installedPlugins, 'lifetime.php'), filter)
    }
    const { host, pathname } = new URL(database.url)
    const config = {
      DB_NAME: pathname.slice(1),
      DB_USER: 'root',
      DB_PASSWORD: '',
      DB_HOST: host,
      WP_HOME: url,
      WP_SITEURL: url,
      LAPSE_URL: collectorUrl,
      LAPSE_SITE: 'wordpress',
      LAPSE_TICKET_SECRET: ticketSecret,
      DISABLE_WP_CRON: true,
      // WordPress asks wordpress.org for updates, and would wait for an answer.
      WP_HTTP_BLOCK_EXTERNAL: true,
      ...(idleTimeoutSeconds && { LAPSE_IDLE_TIMEOUT_SECONDS: idleTimeoutSeconds }),
    }
    writeFileSync(join(documentRoot, 'wp-config.php'), renderConfig(config))
    runScript = (script) => promisify(execFile)(findProgram('php'), ['-r', script], { cwd: documentRoot })
    await runScript(`define('WP_INSTALLING', true);
      require 'wp-load.php';
      require 'wp-admin/includes/upgrade.php';
      wp_install('WordPress', 'administrator', 'administrator@example.org', true, '', '${password}');`)
    return { documentRoot }
  })
  return {
    ...application,
    async createUser(name) {
      await runScript(`require 'wp-load.php';
        if (is_wp_error(wp_create_user('${name}', '${password}', '${name}@example.org'))) exit(1);`)
    },
  }
}

/** Debian's package links to its own configuration, which may not exist. */
const isReadable = (path: string) => !path.endsWith('/.htaccess')

function renderConfig(constants: Readonly<Record<string, unknown>>): string {
  const definitions = Object.entries(constants).map(
    ([name, value]) => `define('${name}', ${JSON.stringify(value)});`,
  )
  return `<?php
${definitions.join('\n')}
$table_prefix = 'wp_';
defined('ABSPATH') || define('ABSPATH', __DIR__ . '/');
require_once ABSPATH . 'wp-settings.php';
`
}
