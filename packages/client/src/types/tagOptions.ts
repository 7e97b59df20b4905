import type { Identity, Lapse } from './lapse.ts'
import type { LapseOptions } from './options.ts'

/**
 * The attributes of the script tag. Every option of `createLapse` and every field of the identity has an attribute.
 *
 * The tag dispatches the event `lapse` on `document` when a session has ended. Its `detail` is the verdict. Two more
 * attributes work on other elements of the page:
 *
 * - `data-lapse-logout` on a link, a button or a form calls `logout()` when the element is used. Its value may be
 *   `idle_timeout`, for the application's own idle timer. `form.submit()` in a script fires no event, so call
 *   `Lapse.logout()` there.
 * - `data-lapse-message` shows the element after an idle timeout, or after the reason that is its value, such as
 *   `data-lapse-message="absolute_timeout"`. `{limit}` in its text is replaced with the idle timeout, in the language of
 *   the page.
 *
 * @example
 * ```html
 * <script src="https://lapse.acme.com/lapse.js" defer data-site="acme" data-state="absent"></script>
 * <p data-lapse-message hidden>You were signed out after {limit} without activity.</p>
 * ```
 */
export interface TagOptions extends LapseOptions, Identity {
  /**
   * Whether the page has a session.
   *
   * - `active`: it has one
   * - `absent`: it has none
   * - `cookie:NAME`: it has one if scripts can read a cookie of this name
   * - `probe:URL`: the client fetches this URL. 401, 403, a redirect, and a 2xx status with the JSON body `null`, `false`
   *   or `{}` mean that it has none. Any other 2xx status means that it has one, unless the response is HTML. If the
   *   answer is unknown, nothing is reported.
   *
   * Attribute: `data-state`
   */
  readonly state?: string
}

/**
 * The global `Lapse` of the script tag.
 *
 * It has the methods of the tag's client, for pages that do more than the attributes say. They are there as soon as the
 * tag has run.
 *
 * @example
 * ```html
 * <script>
 *   addEventListener('app:idle', () => window.Lapse?.logout?.({ reason: 'idle_timeout' }))
 * </script>
 * ```
 */
export interface LapseGlobal extends Partial<Lapse> {
  /** Creates a client without a tag. */
  createLapse(options: LapseOptions): Lapse
}
