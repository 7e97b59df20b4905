export interface HostOptions {
  readonly site: string
  /** Where the pages get the script from, and where that posts to. */
  readonly collector: string
  readonly port: number
  readonly idleTimeoutSeconds: number
  readonly absoluteTimeoutSeconds?: number | undefined
  /** The session cookie has no expiry, so the browser deletes it when it is closed. */
  readonly untilBrowserCloses?: boolean | undefined
  /** The pages, if they differ from those in `pages.ts`. */
  readonly pages?: HostPages | undefined
  /** Additional scripts that the host serves, by path: their files or their text. */
  readonly files?: Readonly<Record<string, URL | string>> | undefined
}

export interface SignedIn {
  readonly subject: string
  readonly alias: string
}

/** Renders the pages of a host application. */
export interface HostPages {
  renderApp(options: HostOptions, url: URL, user: SignedIn): string
  renderLogin(options: HostOptions, url: URL): string
}
