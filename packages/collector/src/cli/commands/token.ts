import { Command } from 'commander'
import { createToken } from './tokenCreate.ts'
import { listTokens } from './tokenList.ts'
import { revokeToken } from './tokenRevoke.ts'

/** `lapse token` manages bearer tokens. */
export const token = new Command('token')
  .summary('manage bearer tokens')
  .description(
    'Create, list and revoke bearer tokens. Servers use them to report session ends; programs and people use them to read rows.',
  )
  .addCommand(createToken)
  .addCommand(listTokens)
  .addCommand(revokeToken)
