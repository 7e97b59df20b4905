import type { Token } from './token.ts'

/**
 * Stores the bearer tokens' hashes.
 *
 * @throws {StorageError} from every method when the database cannot be used.
 */
export interface TokenRepository {
  add(token: Token): Promise<void>
  find(id: string): Promise<Token | undefined>
  /** Lists all tokens, oldest first. */
  list(): Promise<Token[]>
  /**
   * Revokes a token. A token that was revoked before keeps its time.
   *
   * @returns whether the token exists.
   */
  revoke(id: string, at: Date): Promise<boolean>
}
