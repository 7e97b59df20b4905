export interface HostOptions {
  readonly site: string
  /** Where the pages get the script from, and where that posts to. */
  readonly collector: string
  readonly port: number
  readonly idleTimeoutSeconds: number
  readonly absoluteTimeoutSeconds?: number | undefined
  /** The session cookie has no expiry, so that it goes when the browser is closed. */
  readonly untilBrowserCloses?: boolean | undefined
}
