/** Environment variables by their names. */
export type Environment = Readonly<Record<string, string | undefined>>

/** The name of the environment variable that `env:NAME` stands for; nothing where something else is written. */
export function variableIn(written: string): string | undefined {
  return /^env:(\w+)$/.exec(written)?.[1]
}

export const notSet = (name: string) => `the environment variable ${name} is not set`

/** The value of an environment variable. `process.env` has the properties of every object as well. */
export function readVariable(environment: Environment, name: string): string | undefined {
  return Object.hasOwn(environment, name) ? environment[name] : undefined
}
