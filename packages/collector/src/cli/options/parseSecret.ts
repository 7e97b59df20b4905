import { InvalidArgumentError } from 'commander'
import { readVariable, variableIn } from '../../config/environment.ts'

/** Where an option takes a secret: every account of the machine can read the arguments of a running command. */
export const secretHint = 'env:NAME reads it from a variable, which hides it from the list of processes'

/** Reads a secret that is written as it is, or as `env:NAME`. */
export function secret(written: string): string {
  const name = variableIn(written)
  if (name === undefined) return written
  const value = readVariable(process.env, name)
  if (value) return value
  throw new InvalidArgumentError(`Set the environment variable ${name}: it is not set, or empty.`)
}
