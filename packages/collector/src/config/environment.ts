/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>

/** @returns the name in `env:NAME`, or undefined if the text is not such a reference. */
export function parseVariableReference(text: string): string | undefined {
  return /^env:(\w+)$/.exec(text)?.[1]
}

/** Reads an environment variable. Inherited properties, such as `constructor` of `process.env`, do not count. */
export function readVariable(environment: Environment, name: string): string | undefined {
  return Object.hasOwn(environment, name) ? environment[name] : undefined
}

export function describeUnsetVariable(name: string): string {
  return `the environment variable ${name} is not set`
}
