import { createChromium } from './chromium.ts'
import type { Engine } from './engine.ts'
import { createFirefox } from './firefox.ts'
import { createWebkit } from './webkit.ts'

/** Creates all engines, or only those in `LAPSE_ENGINES`, a comma-separated list. */
export function createEngines(): Engine[] {
  const engines = [createChromium(), createFirefox(), createWebkit()]
  const wanted = process.env.LAPSE_ENGINES?.split(',')
  return engines.filter(({ name }) => !wanted || wanted.includes(name))
}
