import { InvalidArgumentError } from 'commander'
import { parseVariableReference, readVariable } from '../../config/environment.ts'

/** Every account on a machine can read the arguments of a running command. */
export const secretHint =
  'env:NAME reads it from an environment variable, so that it is not in the process list'

/** Parses an option that is a secret: the secret itself, or `env:NAME`. */
export function parseSecret(text: string): string {
  const name = parseVariableReference(text)
  if (name === undefined) return text
  const value = readVariable(process.env, name)
  if (value) return value
  throw new InvalidArgumentError(`Environment variable ${name} is not set.`)
}
