import type { Verdict } from '../types/verdict.ts'
import { formatLimit } from './formatLimit.ts'

/** Shows the elements with `data-lapse-message` after an idle timeout. */
export function showMessages({ reason, idleTimeoutSeconds }: Verdict) {
  if (reason !== 'idle_timeout' || !idleTimeoutSeconds) return
  const limit = formatLimit(idleTimeoutSeconds, document.documentElement.lang)
  for (const message of document.querySelectorAll<HTMLElement>('[data-lapse-message]')) {
    message.textContent = message.textContent.replace('{limit}', limit)
    message.hidden = false
  }
}
