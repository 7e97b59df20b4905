import { flagDescriptions, flags } from '../../../src/reading/search/flags.ts'
import { type SearchKey, searchKeys } from '../../../src/reading/search/parseSearch.ts'
import { evidenceKinds, evidenceLabels, reasonLabels, reasons } from '../format/labels.ts'
import { formatTerm } from '../state/searchTerms.ts'

/** Values that occur, such as those of the listed rows. */
export type KnownValues = Readonly<Partial<Record<SearchKey, readonly string[]>>>

export interface Suggestion {
  /** What the field contains once the suggestion is chosen. */
  readonly draft: string
  readonly label: string
  readonly description: string
  /** Whether the draft is a whole term, which is applied at once. */
  readonly isComplete: boolean
}

const keyDescriptions: Readonly<Record<SearchKey, string>> = {
  user: 'the subject whose session ended',
  session: 'its alias or marker',
  site: 'the name of a site',
  reason: 'why the session ended',
  evidence: 'who reported the end',
  origin: 'the origin of the page',
  ip: 'an address, or 203.0.113. for a network',
  flag: 'rows that ask for a closer look',
}

const fixedValues: KnownValues = {
  reason: reasons,
  evidence: evidenceKinds,
  // The dashboard lists no superseded rows.
  flag: flags.filter((flag) => flag !== 'superseded'),
}

const valueDescriptions: Readonly<Record<string, string>> = {
  ...reasonLabels,
  ...evidenceLabels,
  ...flagDescriptions,
}

const maxSuggestions = 12

/** Suggests how to continue the last term of a draft. */
export function suggest(draft: string, known: KnownValues): Suggestion[] {
  const [last = ''] = /(?:"(?:\\.|[^"\\])*"?|[^\s"])*$/su.exec(draft) ?? []
  const before = draft.slice(0, draft.length - last.length)
  const [, minus = '', name, rest = ''] = /^(-?)(?:(\w+):)?(.*)$/su.exec(last) ?? []
  const key = searchKeys.find((each) => each === (name === 'subject' ? 'user' : name))
  const suggestions = key
    ? suggestValues(key, rest, known)
    : name === undefined
      ? [...suggestKeys(rest), ...suggestWords(rest, known)]
      : []
  return suggestions
    .slice(0, maxSuggestions)
    .map(({ draft: term, ...suggestion }) => ({ ...suggestion, draft: before + minus + term }))
}

function suggestKeys(word: string): Suggestion[] {
  return searchKeys
    .filter((key) => key.startsWith(word.toLowerCase()))
    .map((key) => ({
      draft: `${key}:`,
      label: `${key}:`,
      description: keyDescriptions[key],
      isComplete: false,
    }))
}

function suggestWords(word: string, { user = [] }: KnownValues): Suggestion[] {
  if (!/^[^\s",*]+$/u.test(word)) return []
  return [
    {
      draft: `${word}*`,
      label: `${word}*`,
      description: 'user or session that starts with this',
      isComplete: true,
    },
    ...matchValues(user, word).map((value) => createValue('user', '', value)),
  ]
}

function suggestValues(key: SearchKey, typed: string, known: KnownValues): Suggestion[] {
  const earlier = typed.slice(0, typed.lastIndexOf(',') + 1)
  const values = { ...fixedValues, ...known }[key] ?? []
  const last = typed.slice(earlier.length)
  return matchValues(values, last)
    .filter((value) => value !== last)
    .map((value) => createValue(key, earlier, value))
}

function createValue(key: SearchKey, earlier: string, value: string): Suggestion {
  const term = formatTerm(key, value)
  return {
    draft: `${key}:${earlier}${term.slice(key.length + 1)}`,
    label: term,
    description: fixedValues[key] ? (valueDescriptions[value]?.replaceAll('`', '') ?? '') : '',
    isComplete: true,
  }
}

/** The values that contain a text, first those that start with it. */
function matchValues(values: readonly string[], typed: string): string[] {
  const text = typed.replaceAll('"', '').toLowerCase()
  const matching = values.filter((value) => value.toLowerCase().includes(text))
  return matching.toSorted(
    (a, b) => Number(b.toLowerCase().startsWith(text)) - Number(a.toLowerCase().startsWith(text)),
  )
}
