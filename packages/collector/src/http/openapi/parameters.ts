import { z } from 'zod'

interface Parameter {
  readonly description: string
  readonly examples?: Readonly<Record<string, object>>
}

/** Describes the parameters of a query. Their schemas are those that check them. */
export function describeQuery<Shape extends z.ZodRawShape>(
  schema: z.ZodObject<Shape>,
  parameters: Readonly<Record<keyof Shape & string, Parameter>>,
): object[] {
  const { properties, required } = z.toJSONSchema(schema, { io: 'input' })
  return Object.entries<Parameter>(parameters).map(([name, parameter]) => ({
    name,
    in: 'query',
    ...(required?.includes(name) && { required: true }),
    schema: properties?.[name] ?? {},
    ...parameter,
  }))
}

/** The descriptions of the filters that lists and summaries share. */
export const filterDescriptions = {
  site: 'Only rows of this site.',
  subject: 'Only rows of this user.',
  session: 'Only rows of this session alias.',
  reason: 'Only rows with this reason.',
  evidence: 'Only rows with this evidence.',
  search:
    'Only rows that match this search, such as `user:u_42 -reason:logout ip:203.0.113.`. The keys are `user`, `session`, `site`, `reason`, `evidence`, `origin`, `ip` and `flag`. A `-` excludes, commas separate alternatives, and a trailing `*` matches a prefix.',
} as const
