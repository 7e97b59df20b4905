import { z } from 'zod'
import { databaseUrlSchema, resolvePaths } from '../store/database/databaseUrl.ts'
import type { ConfigSchemaContext } from './configSchemaContext.ts'
import { describeUnsetVariable, parseVariableReference, readVariable } from './environment.ts'

const description = `The URL of the database that holds the audit table.

- \`sqlite:PATH\` is a file of the embedded SQLite. A relative path starts from the folder of the configuration file.
- \`mysql://USER:PASSWORD@HOST:PORT/NAME\` is MySQL 8.4 or later.
- \`mariadb://USER:PASSWORD@HOST:PORT/NAME\` is MariaDB 10.11 or later.
- \`env:NAME\` reads the URL from the environment variable \`NAME\`. This keeps a password out of the file.

For a cluster, separate several hosts with commas. Lapse uses the first one that accepts writes. Percent-encode special characters in the user name, the password and the database name.

Connections to MySQL and MariaDB use TLS if the server offers it. These options in the URL change that. They have the names that MySQL's own clients use:

| option | meaning |
| --- | --- |
| \`ssl-mode\` | \`DISABLED\`: no encryption. \`PREFERRED\` (the default): encrypt if the server supports it. \`REQUIRED\`: always encrypt, without checking the certificate. \`VERIFY_CA\` (the default with \`ssl-ca\`): also check the certificate against an authority. \`VERIFY_IDENTITY\`: also require that the certificate is for the host in the URL, which must be a name and not an IP address. |
| \`ssl-ca\` | Path of a PEM file with the certificate authorities to trust. Default: the public authorities that Node.js trusts. |
| \`ssl-cert\`, \`ssl-key\` | Paths of PEM files with a client certificate and its private key, for database accounts that require them. |

For example: \`mysql://lapse@db.acme.com/lapse?ssl-mode=VERIFY_IDENTITY&ssl-ca=/etc/lapse/ca.pem\`. Relative paths start from the folder of the configuration file. The files are read again for each new connection, so a renewed certificate needs no restart.`

/** The setting `database`, with its paths made absolute. */
export function createDatabaseSchema({ environment, folder }: ConfigSchemaContext) {
  return z
    .string()
    .default('sqlite:lapse.sqlite')
    .transform((text, context) => {
      const name = parseVariableReference(text)
      if (name === undefined) return text
      const url = readVariable(environment, name)
      if (url) return url
      context.addIssue({ code: 'custom', message: describeUnsetVariable(name) })
      return z.NEVER
    })
    .pipe(databaseUrlSchema)
    .transform((location) => resolvePaths(location, folder))
    .describe(description)
}
