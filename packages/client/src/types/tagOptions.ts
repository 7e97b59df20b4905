import type { Identity } from './lapse.ts'
import type { LapseOptions } from './options.ts'

/**
 * The attributes of the script tag. Every option of `createLapse` and every field of the identity has an attribute.
 *
 * The tag dispatches the event `lapse` on `document` when a session has ended. Its `detail` is the verdict. Two more
 * attributes work on other elements of the page:
 *
 * - `data-lapse-logout` on a link, a button or a form calls `logout()` when the element is used. `form.submit()` in a
 *   script fires no event, so call `logout()` there.
 * - `data-lapse-message` shows the element after an idle timeout. `{limit}` in its text is replaced with the limit, in
 *   the language of the page.
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
   * - `probe:URL`: it has one if this URL answers 2xx, and none if it answers 401 or 403. Any other response is unknown,
   *   and nothing is reported.
   *
   * Attribute: `data-state`
   */
  readonly state?: string
}
