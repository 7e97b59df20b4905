/**
 * If the system has no locale, WebKitGTK reports the language `C`. `Intl` refuses it, so neither the dashboard nor uPlot
 * could be loaded. Import this module before any other.
 */
if (!isLanguageTag(navigator.language)) Object.defineProperty(navigator, 'language', { value: 'en' })

function isLanguageTag(text: string): boolean {
  try {
    return Intl.getCanonicalLocales(text).length > 0
  } catch {
    return false
  }
}
