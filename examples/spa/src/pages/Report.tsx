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
        This page asks the server for nothing by itself. Leave it alone until the session has expired, then
        press the button: the answer is 401, and you are on the login page without a page load.
      </p>
      <button type="button" onClick={revalidate}>
        Refresh
      </button>
    </>
  )
}
