import type { Verdict } from '../types/verdict.ts'
import { formatLimit } from './formatLimit.ts'

/** Shows the elements whose `data-lapse-message` names the reason. An empty attribute stands for `idle_timeout`. */
export function showMessages(verdict: Partial<Verdict>) {
  for (const message of document.querySelectorAll<HTMLElement>('[data-lapse-message]')) {
    if ((message.dataset.lapseMessage || 'idle_timeout') !== verdict.reason) continue
    if (verdict.idleTimeoutSeconds) {
      const limit = formatLimit(verdict.idleTimeoutSeconds, document.documentElement.lang)
      message.textContent = message.textContent.replace('{limit}', limit)
    }
    message.hidden = false
  }
}
