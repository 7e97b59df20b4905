/** A page of the reference. */
export interface Page {
  /** Its file name in docs/reference. */
  readonly file: string
  readonly title: string
  /** One sentence for the index. */
  readonly summary: string
  /** Markdown below the title. */
  readonly body: string
}
