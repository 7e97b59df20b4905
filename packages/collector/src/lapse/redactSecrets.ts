const replacements: readonly (readonly [secret: RegExp, replacement: string])[] = [
  // The user and the password of a URL, and its query, which may hold a key.
  [/\b([a-z][a-z\d+.-]*:\/\/)[^\s/?#]*@/gi, '$1'],
  [/\b(https?:\/\/[^\s?#"'<>]*)\?[^\s"'<>]*/gi, '$1?…'],
  // A token is named by its id.
  [/\blapse_([\da-f]{16})_[\w-]+/g, 'lapse_$1_…'],
  [/\beyJ[\w-]+\.[\w-]*(?:\.[\w-]*)?/g, '(JWT)'],
  [/\b(Bearer|Basic)\s+[\w+/=.~-]+/gi, '$1 …'],
  [/\b((?:set-)?cookie:).*$/gim, '$1 …'],
]

/** Takes passwords, tokens, tickets and cookies out of a text for the log. */
export function redactSecrets(text: string): string {
  return replacements.reduce((redacted, [secret, replacement]) => redacted.replace(secret, replacement), text)
}
