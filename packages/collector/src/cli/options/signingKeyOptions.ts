import { type Command, Option } from 'commander'
import { publicKeyAlgorithms, type TicketAlgorithm } from '../../domain/ticket.ts'

/** Which private key signs a ticket. */
export interface SigningKeyOptions {
  readonly key?: string
  readonly alg?: TicketAlgorithm
  readonly kid?: string
}

export function addSigningKeyOptions(command: Command): Command {
  return command
    .option(
      '--key <file>',
      "sign with this private key, a PEM file (PKCS #8) or JWK, instead of the site's HS256 secret",
    )
    .addOption(
      new Option(
        '--alg <algorithm>',
        'the algorithm of the private key (default: from the type of the key)',
      ).choices(publicKeyAlgorithms),
    )
    .option('--kid <id>', 'the id of the key in its JWK set (header kid)')
}
