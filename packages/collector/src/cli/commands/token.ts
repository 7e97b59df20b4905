import { Command } from 'commander'
import { createToken } from './tokenCreate.ts'
import { listTokens } from './tokenList.ts'
import { revokeToken } from './tokenRevoke.ts'

/** `lapse token` manages bearer tokens. */
export const token = new Command('token')
  .summary('manage bearer tokens')
  .description(
    'Create, list and revoke the bearer tokens of servers that report session ends and of programs and people that read them.',
  )
  .addCommand(createToken)
  .addCommand(listTokens)
  .addCommand(revokeToken)
