import { LapseServerError } from '../errors.ts'
import type { Settings } from '../options.ts'
import { formatId } from '../values.ts'
import type { Session } from './session.ts'

/** The options of `tag`. */
export interface TagOptions {
  /** The nonce of the page's content security policy. */
  readonly nonce?: string | undefined
  /**
   * More attributes of the script tag, such as `{ 'data-requests': '/api/' }`. See the client's reference for all of
   * them.
   */
  readonly attributes?: Readonly<Record<string, string | number>> | undefined
}

/**
 * Renders the script tag of a page.
 *
 * @param session `null` for a page without a session, such as the login page.
 * @throws {LapseServerError} `invalid_report`
 */
export function renderTag(
  { site, collector, idleTimeoutSeconds }: Settings,
  session: (Session & { readonly ticket?: string | undefined }) | null,
  { nonce, attributes }: TagOptions = {},
): string {
  const state = session
    ? {
        'data-state': 'active',
        'data-idle-timeout-seconds': session.idleTimeoutSeconds ?? idleTimeoutSeconds,
        'data-subject': formatId(session.subject, 'subject'),
        'data-session': formatId(session.session, 'session'),
        'data-ticket': session.ticket,
      }
    : { 'data-state': 'absent' }
  // Without it, the script would report to its own origin.
  const path = new URL(collector).pathname === '/' ? {} : { 'data-collector': collector }
  const all = { nonce, 'data-site': site, ...path, ...state, ...attributes }
  const rendered = Object.entries(all).flatMap(([name, value]) =>
    value === undefined ? [] : [` ${checkName(name)}="${escapeHtml(String(value))}"`],
  )
  return `<script src="${escapeHtml(collector)}/lapse.js" defer${rendered.join('')}></script>`
}

function checkName(name: string): string {
  if (/^(nonce|integrity|crossorigin|data-[a-z-]+)$/.test(name)) return name
  throw new LapseServerError(
    'invalid_report',
    `attributes has "${name}". Pass attributes of the script tag only, such as data-requests.`,
  )
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character)
}
