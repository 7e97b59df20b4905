import { createExportName, findSite } from '../../reading/exportName.ts'
import type { ListQuery } from '../../reading/listQuery.ts'
import { describeFilter } from '../../reading/search/describeFilter.ts'
import type { Context } from '../context.ts'

interface Export extends Pick<ListQuery, 'selection' | 'timeZone' | 'isDownload'> {
  /** The end of the file's name after the dot, such as `csv`. */
  readonly extension: string
  readonly tokenId: string
  /** The number of rows, if it is known. */
  readonly rows: number | undefined
}

/** Sets the headers that say what an export contains, and how to name its file. */
export function describeExport(
  ctx: Context,
  { selection, timeZone, isDownload, extension, tokenId, rows }: Export,
): void {
  const { from, to } = selection
  const facts: Record<string, string | number | undefined> = {
    site: encode(findSite(selection) ?? 'all'),
    from: from?.toISOString(),
    to: to?.toISOString(),
    filters: `"${encode(describeFilter(selection))}"`,
    'generated-at': new Date().toISOString(),
    token: tokenId,
    rows,
  }
  const known = Object.entries(facts).filter(([, value]) => value !== undefined)
  ctx.set('Lapse-Export', known.map(([name, value]) => `${name}=${value}`).join('; '))
  if (!isDownload) return
  const name = createExportName({ filter: selection, timeZone, extension })
  ctx.set('Content-Disposition', `attachment; filename="${name}"`)
}

/** Clients refuse responses whose headers are longer than 16 KiB together. */
const maxLength = 4_000

/** Percent-encodes what has a meaning in the header, or is not ASCII. `decodeURIComponent` restores it. */
function encode(text: string): string {
  const encoded = Array.from(text.toWellFormed(), (character) =>
    /[\x20-\x7e]/.test(character) && !/[%"\\;]/.test(character) ? character : encodeURIComponent(character),
  )
  let length = 0
  const end = encoded.findIndex((part) => {
    length += part.length
    return length > maxLength
  })
  return end < 0 ? encoded.join('') : encoded.slice(0, end).join('') + encodeURIComponent('…')
}
