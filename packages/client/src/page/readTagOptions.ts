import type { TagOptions } from '../types/tagOptions.ts'

/**
 * Reads the attributes of the script tag. An empty attribute counts as absent, unless it is `data-heartbeat-seconds`,
 * where it stands for the default.
 */
export function readTagOptions({ dataset, src }: HTMLScriptElement): TagOptions {
  const cookie: Record<string, string> = {}
  const options: Record<string, unknown> = { collector: src.split('/', 3).join('/'), cookie }
  for (const [key, value] of Object.entries(dataset)) {
    // `data-cookie-same-site` sets the cookie's attribute `samesite`.
    const [, attribute] = key.split('cookie')
    if (!value) continue
    if (attribute) cookie[attribute.toLowerCase()] = value
    else options[key] = value
  }
  options.heartbeatSeconds = dataset.heartbeatSeconds === '' || Number(dataset.heartbeatSeconds)
  // The attribute holds the name of a global function. `reportError` stands for any such name.
  options.onError = window[options.onError as 'reportError']
  // The values are strings. The client only calculates with numbers, searches `touchOn` and matches `requests`, and all
  // of that works with strings too.
  return options as unknown as TagOptions
}
