/** An application that a browser can open. It has one site at the collector. */
export interface Application {
  readonly site: string
  readonly url: string
  readonly idleTimeoutSeconds: number
  /** The user's session as the server knows it. */
  findSession(subject: string): { readonly alias: string } | undefined
  close(): Promise<void>
}
