import { z } from 'zod'
import type { ConfigSchemaContext } from './configSchemaContext.ts'
import {
  describeUnsetVariable,
  type Environment,
  parseVariableReference,
  readVariable,
} from './environment.ts'

/** A secret from an environment variable, or why it cannot be used. Not every command needs it. */
export type ConfiguredSecret = { readonly value: string } | { readonly fault: string }

/** Returns what is wrong with a secret, as in "env NAME is too short". It must not quote the secret. */
type DescribeFault = (value: string) => string | undefined

/** A setting that is a secret. It is given as `env:NAME` and never written into the configuration file. */
export function createSecretSchema(
  { environment, requiresSecrets }: Pick<ConfigSchemaContext, 'environment' | 'requiresSecrets'>,
  describeFault: DescribeFault,
) {
  return z.string().transform((text, context): ConfiguredSecret => {
    const name = parseVariableReference(text)
    const secret = name === undefined ? literalSecret : readSecretVariable(environment, name, describeFault)
    if ('fault' in secret && (requiresSecrets || name === undefined))
      context.addIssue({ code: 'custom', message: secret.fault })
    return secret
  })
}

const literalSecret: ConfiguredSecret = {
  fault: 'must be env:NAME: put the secret into an environment variable, not into this file',
}

/** Reads a secret from an environment variable and checks it. */
export function readSecretVariable(
  environment: Environment,
  name: string,
  describeFault: DescribeFault,
): ConfiguredSecret {
  const value = readVariable(environment, name)
  if (!value) return { fault: describeUnsetVariable(name) }
  const fault = describeFault(value)
  return fault === undefined ? { value } : { fault: `the environment variable ${name} ${fault}` }
}
