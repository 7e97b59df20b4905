import { z } from 'zod'
import { parseConfig } from '../../packages/collector/src/config/config.ts'
import { createConfigSchema } from '../../packages/collector/src/config/configSchema.ts'
import { overridingVariables } from '../../packages/collector/src/config/environmentOverrides.ts'
import { defaultConfigPath } from '../../packages/collector/src/config/loadConfig.ts'
import { describeType, formatValue, type JsonSchema } from './jsonSchema.ts'
import { formatCode, formatJson, formatLink, formatTable, getFirstSentence, joinParts } from './markdown.ts'
import { requireDescription } from './missingDescriptions.ts'
import type { Page } from './page.ts'

const example = {
  database: 'mysql://lapse@127.0.0.1:3306/lapse',
  listen: { host: '127.0.0.1', port: 4780 },
  trustProxy: ['10.0.0.0/8'],
  rateLimit: { requestsPerMinute: 3000 },
  purge: { dailyAt: '03:00' },
  forward: {
    siem: { type: 'webhook', url: 'https://siem.acme.com/lapse', secret: 'env:SIEM_SECRET' },
    log: { type: 'syslog', host: 'log.acme.com', tls: { caPath: '/etc/lapse/log-ca.pem' } },
  },
  sites: {
    acme: {
      origins: ['https://app.acme.com'],
      idleTimeoutSeconds: 1800,
      absoluteTimeoutSeconds: 43200,
      ticketKeys: [{ alg: 'HS256', secret: 'env:ACME_TICKET_SECRET' }],
      requireTicket: true,
      ip: 'truncated',
      retentionDays: 400,
    },
  },
}

const exampleEnvironment = {
  ACME_TICKET_SECRET: 'a secret of at least thirty-two bytes',
  SIEM_SECRET: 'whsec_c2VjcmV0IG9mIGF0IGxlYXN0IDI0IGJ5dGVz',
}

/** A setting, with its path from the top of the configuration or of a site. */
interface Setting {
  readonly name: string
  readonly schema: JsonSchema
  readonly isRequired: boolean
}

/** The reference of the configuration, from its schema. */
export function createConfigurationPage(): Page {
  parseConfig(example, exampleEnvironment)
  const schema = z.toJSONSchema(
    createConfigSchema({ environment: {}, folder: '.', requiresSecrets: false }),
    { io: 'input', unrepresentable: 'any' },
    // In this dialect of JSON Schema, all limits are numbers.
  ) as JsonSchema
  const site = getElementSchema(schema, 'sites')
  return {
    file: 'configuration.md',
    title: 'Configuration',
    summary: 'Every setting of the collector, with its type, limits, default and environment variable.',
    body: joinParts(
      `The collector reads its configuration from a JSON file: the one that \`--config\` names, otherwise the one that the environment variable \`LAPSE_CONFIG\` names, otherwise \`${defaultConfigPath}\` in the working directory.`,
      'The whole configuration is checked at the start. If anything is wrong, an error message lists every invalid setting, and nothing starts. Unknown settings are errors.',
      `The command [\`lapse init\`](command-line.md#lapse-init) writes a configuration file to start with.`,
      '## Example',
      formatJson(example),
      '## Environment variables',
      'These environment variables override the file. An empty variable counts as unset.',
      formatTable(
        ['Variable', 'Setting'],
        Object.entries(overridingVariables).map(([setting, variable]) => [
          formatCode(variable),
          formatLink(setting, formatCode(setting)),
        ]),
      ),
      'In `database`, in the `secret` of a ticket key, and in the `url`, `secret` and `authorization` of a destination, `env:NAME` stands for the value of the environment variable `NAME`. A `secret` and an `authorization` cannot be written into the file itself.',
      '## Settings',
      formatSettings(listSettings(schema)),
      '## Settings of a site',
      'Each entry of `sites` describes one audited application.',
      formatSettings(listSettings(site)),
      '## Ticket keys',
      'Each entry of `ticketKeys` is one of these objects. A ticket is verified with the algorithm that is configured here, never with the one that its own header names.',
      ...(site.properties?.ticketKeys?.items?.oneOf ?? []).map(formatAlternative),
      'If keys have a `kid`, name it in the header of the ticket. For a ticket without a `kid`, at most ten keys of a set are tried. A ticket that cannot be verified is refused; it never counts as an unsigned report.',
      '## Destinations',
      'Each entry of `forward` is one of these objects. The guide [Forward rows](../guides/forward.md) has examples.',
      ...(getElementSchema(schema, 'forward').oneOf ?? []).map(formatAlternative),
    ),
  }
}

/** Returns the schema of the entries of a setting. */
function getElementSchema({ properties }: JsonSchema, setting: string): JsonSchema {
  const element = properties?.[setting]?.additionalProperties
  if (typeof element === 'object') return element
  throw new Error(`The setting ${setting} of the configuration schema has no entries.`)
}

/** Lists the settings of an object and of the objects in it. */
function listSettings({ properties = {}, required = [] }: JsonSchema, prefix = ''): Setting[] {
  return Object.entries(properties).flatMap(([key, schema]) => {
    const name = `${prefix}${key}`
    const object = [schema, ...(schema.anyOf ?? [])].find((each) => each.properties)
    const setting = { name, schema, isRequired: required.includes(key) }
    return [setting, ...(object && !schema.valueType ? listSettings(object, `${name}.`) : [])]
  })
}

function formatSettings(settings: readonly Setting[]): string {
  return joinParts(
    formatTable(
      ['Setting', 'Default', 'Description'],
      settings.map((setting) => [
        formatLink(setting.name, formatCode(setting.name)),
        formatDefault(setting),
        getFirstSentence(setting.schema.description ?? ''),
      ]),
    ),
    ...settings.map(formatSetting),
  )
}

function formatSetting(setting: Setting): string {
  const { name, schema } = setting
  const variable = overridingVariables[name]
  const facts = [
    `Type: ${describeType(schema)}`,
    `Default: ${formatDefault(setting)}`,
    ...(variable === undefined ? [] : [`Environment variable: ${formatCode(variable)}`]),
  ]
  return joinParts(
    `### ${formatCode(name)}`,
    facts.map((fact) => `- ${fact}`).join('\n'),
    requireDescription(schema.description, `setting ${name}`),
  )
}

function formatDefault({ schema, isRequired }: Setting): string {
  if (schema.whenOmitted !== undefined) return schema.whenOmitted
  if (isRequired) return 'required'
  if (schema.default === undefined) return 'none'
  return formatValue(schema.default)
}

/** Formats one of the objects that an entry of a setting can be. */
function formatAlternative({ title, description, properties = {}, required = [] }: JsonSchema): string {
  const items = Object.entries(properties).map(([name, schema]) => {
    const presence = required.includes(name) ? 'required' : describeOmission(schema)
    const text = requireDescription(schema.description, `${title} ${name}`)
    return `- ${formatCode(name)} (${describeType(schema)}; ${presence}): ${text}`
  })
  return joinParts(`### ${title}`, requireDescription(description, `${title}`), items.join('\n'))
}

function describeOmission({ whenOmitted, default: value }: JsonSchema): string {
  return whenOmitted ?? (value === undefined ? 'optional' : `default: ${formatValue(value)}`)
}
