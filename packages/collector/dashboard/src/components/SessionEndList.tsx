import type { TargetedMouseEvent } from 'preact'
import { isSelftest } from '../../../src/lapse/selftest.ts'
import type { Row, RowsPage } from '../api/fetchJson.ts'
import type { Answer } from '../api/useQuery.ts'
import { asDateTime, asDuration, asUtc, timeZone } from '../format/dateTime.ts'
import { pastLimitMs } from '../format/explainVerdict.ts'
import { evidenceNames, reasonNames } from '../format/labels.ts'
import { isPlainClick, type View } from '../state/route.ts'
import { NoAnswer, ProblemNote } from './ErrorNotice.tsx'

interface Props {
  readonly rows: Answer<RowsPage>
  readonly view: View
  readonly filters: URLSearchParams
  readonly retry: () => void
}

/** The rows, a page at a time: never more than that is in the document. */
export function Rows({ rows: { data, problem, isLoading }, view, filters, retry }: Props) {
  const exported = (format: string) => {
    const query = new URLSearchParams(filters)
    query.set('format', format)
    return `v1/lapses?${query}`
  }

  return (
    <section class="card rows" aria-labelledby="rows-title" aria-busy={isLoading}>
      <div class="card-head">
        <h2 id="rows-title">Rows</h2>
        <p class="quiet">newest first, {timeZone}</p>
        <span class="exports">
          <a href={exported('csv')} download="lapses.csv">
            Export CSV
          </a>
          <a href={exported('ndjson')} download="lapses.ndjson">
            NDJSON
          </a>
        </span>
      </div>
      {problem && <ProblemNote problem={problem} retry={retry} />}
      {!data && !problem && <NoAnswer isLoading={isLoading} />}
      {data && data.lapses.length === 0 && (
        <p class="empty">
          No row matches. <a href={view.href({})}>Look again</a>, or widen the filters.
        </p>
      )}
      {data && data.lapses.length > 0 && (
        <table>
          <thead>
            <tr>
              <th scope="col">Noticed</th>
              <th scope="col">Reason</th>
              <th scope="col">Subject</th>
              <th scope="col" class="wide">
                Session
              </th>
              <th scope="col" class="middle">
                Site
              </th>
              <th scope="col" class="number middle">
                Idle for
              </th>
              <th scope="col" class="number wide">
                Past the limit
              </th>
              <th scope="col" class="middle">
                Evidence
              </th>
            </tr>
          </thead>
          <tbody>
            {data.lapses.map((row) => (
              <Line key={row.id} row={row} view={view} />
            ))}
          </tbody>
        </table>
      )}
      <Pager next={data?.next ?? null} view={view} />
    </section>
  )
}

function Line({ row, view }: { readonly row: Row; readonly view: View }) {
  const past = pastLimitMs(row)
  const link = view.link({ row: String(row.id) }, 'detail')
  const open = (event: TargetedMouseEvent<HTMLTableRowElement>) => {
    // The link has taken it, or it is the end of marking some text.
    if (event.defaultPrevented || !isPlainClick(event) || getSelection()?.type === 'Range') return
    // There the focus returns to when the detail is closed.
    event.currentTarget.querySelector('a')?.focus()
    link.onClick(event)
  }
  return (
    // The link in it is for the keyboard; the pointer has the whole line.
    <tr onClick={open} class={view.get('row') === String(row.id) ? 'open' : undefined}>
      <td>
        <a {...link}>
          <time dateTime={row.detectedAt} title={asUtc(row.detectedAt)}>
            {asDateTime(row.detectedAt)}
          </time>
        </a>
      </td>
      <td class="reason">
        <span class={`dot ${row.reason}`} />
        {reasonNames[row.reason]}
        {isSelftest(row) && <span class="tag">self-test</span>}
      </td>
      <td class="id">{row.subject ?? '–'}</td>
      <td class="id wide">{row.session ?? row.marker ?? '–'}</td>
      <td class="site middle" title={row.site}>
        {row.site}
      </td>
      <td class="number middle">{row.elapsedMs === null ? '–' : asDuration(row.elapsedMs)}</td>
      <td class="number wide">{past === null ? '–' : asDuration(past)}</td>
      <td class="evidence middle">{evidenceNames[row.evidence]}</td>
    </tr>
  )
}

/** Onwards by the cursor of the page; back as the browser goes back, where that leads to the page before. */
function Pager({ next, view }: { readonly next: string | null; readonly view: View }) {
  const cursor = view.get('cursor')
  if (!cursor && next === null) return null
  const turn = (to: string | null) => {
    const { href, onClick } = view.link({ cursor: to }, 'page')
    return {
      href,
      onClick(event: MouseEvent) {
        onClick(event)
        if (event.defaultPrevented) document.getElementById('rows-title')?.scrollIntoView()
      },
    }
  }
  return (
    <nav class="pager" aria-label="Pages">
      {cursor && (
        <>
          <a {...turn(null)}>Newest</a>
          {view.step === 'page' && (
            <button type="button" onClick={() => history.back()}>
              Newer
            </button>
          )}
        </>
      )}
      {next !== null && (
        <a {...turn(next)} rel="next">
          Older
        </a>
      )}
    </nav>
  )
}
