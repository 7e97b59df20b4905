import { buildExportPath } from '../api/buildQuery.ts'

interface Props {
  /** The parameters that select the rows of all pages. */
  readonly query: URLSearchParams
}

/** Downloads all selected rows. The collector names the files. */
export function ExportLinks({ query }: Props) {
  return (
    <span class="export-links">
      <a href={buildExportPath(query, 'csv')} download>
        Export CSV
      </a>
      <a href={buildExportPath(query, 'ndjson')} download>
        Export NDJSON
      </a>
    </span>
  )
}
