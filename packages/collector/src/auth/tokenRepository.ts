import type { Token } from './token.ts'

/**
 * Stores bearer tokens by their hashes.
 *
 * @throws {StorageError} from every method when the database cannot be used.
 */
export interface TokenRepository {
  add(token: Token): Promise<void>
  find(id: string): Promise<Token | undefined>
  /** Lists all tokens, oldest first. */
  list(): Promise<Token[]>
  /**
   * Revokes a token. A token that is already revoked keeps its revocation time.
   *
   * @returns whether the token exists.
   */
  revoke(id: string, at: Date): Promise<boolean>
}
