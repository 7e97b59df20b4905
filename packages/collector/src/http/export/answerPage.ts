import { formatCursor } from '../../reading/cursor.ts'
import { explainEmptyList } from '../../reading/emptyBecause.ts'
import { defaultPageSize } from '../../reading/filter.ts'
import { formats } from '../../reading/formats/formats.ts'
import type { ListQuery } from '../../reading/listQuery.ts'
import type { Context } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import type { Choice } from '../request/chooseFormat.ts'
import { linkToNextPage } from '../request/linkToNextPage.ts'
import { describeExport } from './describeExport.ts'
import { getExtension } from './getExtension.ts'

interface Page extends Choice {
  readonly query: ListQuery
  readonly sessionEnds: Dependencies['store']['sessionEnds']
  readonly tokenId: string
}

/** Answers with one page of a list. */
export async function answerPage(
  ctx: Context,
  { query, sessionEnds, tokenId, format, isJson }: Page,
): Promise<void> {
  const { selection, limit = defaultPageSize, cursor, sort, isCounted, isDownload, timeZone } = query
  const [page, total] = await Promise.all([
    sessionEnds.readPage(selection, { limit, after: cursor, sort }),
    isCounted ? sessionEnds.count(selection) : undefined,
  ])
  const { rows } = page
  const next = page.next ? formatCursor(page.next) : null
  if (next !== null) linkToNextPage(ctx, 'cursor', next)
  if (!isJson || isDownload)
    describeExport(ctx, {
      ...{ selection, timeZone, isDownload, tokenId },
      extension: getExtension({ format, isJson }),
      rows: rows.length,
    })
  const { mediaType, head, write } = formats[format]
  if (!isJson) {
    ctx.type = mediaType
    ctx.body = head + write(rows)
    return
  }
  const isEmpty = rows.length === 0 && cursor === undefined
  const facts = {
    next,
    total,
    emptyBecause: isEmpty ? await explainEmptyList(selection, sessionEnds) : undefined,
  }
  const lapses = rows.map((row) => write([row]).trimEnd())
  ctx.type = 'application/json'
  ctx.body = `{"lapses":[${lapses.join()}],${JSON.stringify(facts).slice(1)}`
}
