import { evidenceKinds } from '../../domain/evidence.ts'
import { escapeUnsafe, isPlainText } from '../../domain/text/plainText.ts'
import { shorten } from '../../domain/text/shorten.ts'
import { reasons } from '../../domain/verdict.ts'
import { flags } from './flags.ts'

/** The keys of terms such as `user:u_42`. The dashboard parses searches too, so this module runs in browsers. */
export const searchKeys = ['user', 'session', 'site', 'reason', 'evidence', 'origin', 'ip', 'flag'] as const
export type SearchKey = (typeof searchKeys)[number]

export interface SearchValue {
  readonly text: string
  /** Whether the value matches everything that starts with the text. An empty prefix matches every known value. */
  readonly isPrefix: boolean
}

/** A part of a search. It matches rows that have one of the values. */
export interface Term {
  /** `any` is a word without a key, which matches the user or the session. */
  readonly key: SearchKey | 'any'
  /** At least one. */
  readonly values: readonly SearchValue[]
  /** Whether the term must not match. */
  readonly isExcluded: boolean
}

/**
 * Selects rows by their terms. Terms that are not excluded and have the same key are alternatives. All other terms must
 * hold together.
 */
export interface Search {
  readonly terms: readonly Term[]
}

/** A search has a mistake. The message names the term. */
export class SearchError extends Error {
  override readonly name = 'SearchError'
  /** The part of the search with the mistake. */
  readonly term: string
  /** What is wrong with the term, and how to correct it. */
  readonly problem: string

  constructor(term: string, problem: string) {
    const shownTerm = escapeUnsafe(shorten(term, maxShownLength))
    super(`invalid term ${shownTerm}: ${problem}`)
    this.term = shownTerm
    this.problem = problem
  }
}

/** In UTF-16 code units, like the length of a string. */
export const maxSearchLength = 2_000
/** The most values that all terms of a search can have together. */
export const maxSearchValues = 100
const maxValueLength = 255
const maxShownLength = 80

/** The keys that have a few possible values. */
const possibleValues: Readonly<Partial<Record<Term['key'], readonly string[]>>> = {
  reason: reasons,
  evidence: evidenceKinds,
  flag: flags,
}

/** Another name for a key. It is the name of the field in the rows. */
const aliases: ReadonlyMap<string, SearchKey> = new Map([['subject', 'user']])

/**
 * Parses the text of a search, such as `user:u_42,u_43 -reason:logout ip:203.0.113.`.
 *
 * @throws {SearchError}
 */
export function parseSearch(text: string): Search {
  if (text.length > maxSearchLength)
    throw new SearchError(text, `a search can have at most ${maxSearchLength} characters`)
  // A term ends at a space outside quotation marks.
  const parts = text.match(/(?:"(?:\\.|[^"\\])*"?|[^\s"])+/gsu) ?? []
  const terms: Term[] = []
  let count = 0
  for (const part of parts) {
    const term = parseTerm(part)
    count += term.values.length
    if (count > maxSearchValues)
      throw new SearchError(part, `a search can have at most ${maxSearchValues} values`)
    terms.push(term)
  }
  return { terms }
}

/** Formats a search so that `parseSearch` returns the same terms. */
export function formatSearch({ terms }: Search): string {
  return terms.map(formatTerm).join(' ')
}

function parseTerm(part: string): Term {
  const isExcluded = part.startsWith('-')
  const [keyText, name] = /^([^":,*]*):/.exec(part.slice(isExcluded ? 1 : 0)) ?? ['']
  const key = name === undefined ? 'any' : findKey(part, name)
  const values = parseValues(part, (isExcluded ? 1 : 0) + keyText.length, key)
  for (const value of values) checkValue(part, key, value)
  return { key, values, isExcluded }
}

function findKey(part: string, name: string): SearchKey {
  const key = aliases.get(name) ?? searchKeys.find((each) => each === name)
  if (key) return key
  throw new SearchError(
    part,
    `the key is unknown; use one of ${searchKeys.join(', ')}, or put the whole text in quotation marks`,
  )
}

function parseValues(part: string, start: number, key: Term['key']): SearchValue[] {
  const eachValue = /(?:"(?<quoted>(?:\\.|[^"\\])*)"|(?<bare>[^",*]*))(?<star>\*?)(?<separator>,|$)/suy
  eachValue.lastIndex = start
  const values: SearchValue[] = []
  for (;;) {
    const { quoted, bare = '', star, separator } = eachValue.exec(part)?.groups ?? {}
    if (separator === undefined) throw new SearchError(part, explainValue(part))
    const isNetwork = key === 'ip' && quoted === undefined && /[.:]$/.test(bare)
    const isPrefix = star !== '' || isNetwork
    const text = quoted?.replace(/\\(["\\])/g, '$1') ?? bare
    if (text === '' && !isPrefix) throw new SearchError(part, 'a value is missing')
    values.push({ text, isPrefix })
    if (separator === '') return values
  }
}

function explainValue(part: string): string {
  if (/^[^"]*\*/.test(part))
    return 'an asterisk stands for the rest of a value, so it must be at the end; put a value that contains one in quotation marks'
  return 'a quotation mark is missing or misplaced; put the whole value in quotation marks, and write \\" for one inside'
}

function checkValue(part: string, key: Term['key'], { text, isPrefix }: SearchValue): void {
  if (text.length > maxValueLength)
    throw new SearchError(part, `a value can have at most ${maxValueLength} characters`)
  if (!isPlainText(text)) throw new SearchError(part, 'a value must not contain control characters')
  const possible = possibleValues[key]
  if (possible && (isPrefix || !possible.includes(text)))
    throw new SearchError(part, `the ${key} must be one of ${possible.join(', ')}`)
}

function formatTerm({ key, values, isExcluded }: Term): string {
  const prefix = `${isExcluded ? '-' : ''}${key === 'any' ? '' : `${key}:`}`
  return prefix + values.map((value) => formatValue(key, value)).join()
}

function formatValue(key: Term['key'], { text, isPrefix }: SearchValue): string {
  const isNetwork = key === 'ip' && /[.:]$/.test(text)
  if (needsQuotes(key, text) || (isNetwork && !isPrefix))
    return `"${text.replace(/["\\]/g, '\\$&')}"${isPrefix ? '*' : ''}`
  return isPrefix && !isNetwork ? `${text}*` : text
}

function needsQuotes(key: Term['key'], text: string): boolean {
  return /[\s",*]/.test(text) || (key === 'any' && /^-|:/.test(text))
}
