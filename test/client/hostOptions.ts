export interface HostOptions {
  readonly site: string
  /** Where the pages get the script from, and where that posts to. */
  readonly collector: string
  readonly port: number
  readonly idleTimeoutSeconds: number
  readonly absoluteTimeoutSeconds?: number | undefined
  /** The session cookie has no expiry, so the browser deletes it when it is closed. */
  readonly untilBrowserCloses?: boolean | undefined
}
