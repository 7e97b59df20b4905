/** The groups of operations. */
export const tags = [
  { name: 'lapses', description: 'Sessions that ended' },
  { name: 'sessions', description: 'Live sessions' },
  { name: 'client', description: 'The script that pages load' },
  { name: 'operations', description: 'Endpoints for operators' },
] as const

/** An operation object of OpenAPI 3.1. */
export interface Operation {
  readonly operationId: string
  readonly tags: readonly (typeof tags)[number]['name'][]
  readonly summary: string
  readonly description?: string
  readonly security: readonly Readonly<Record<string, readonly string[]>>[]
  readonly parameters?: readonly object[]
  readonly requestBody?: object
  readonly responses: Readonly<Record<string, object>>
}
