import { useLoaderData, useRevalidator } from 'react-router'

export interface ReportData {
  readonly openItems: number
  readonly closedThisWeek: number
}

export function Report() {
  const { openItems, closedThisWeek } = useLoaderData<ReportData>()
  const { revalidate } = useRevalidator()
  return (
    <>
      <h1>Report</h1>
      <dl>
        <dt>Open items</dt>
        <dd>{openItems}</dd>
        <dt>Closed this week</dt>
        <dd>{closedThisWeek}</dd>
      </dl>
      <p>
        This page sends no requests while it is open. Wait until the session has expired, then press the
        button: the API answers 401, and the login page appears without a page load.
      </p>
      <button type="button" onClick={revalidate}>
        Refresh
      </button>
    </>
  )
}
