import type { Route } from '../state/route.ts'

interface Props {
  readonly id: number
  readonly route: Route
}

/** Shows another row in the open dialog. */
export function RowLink({ id, route }: Props) {
  return <a {...route.buildLinkProps({ row: String(id) }, 'replace')}>row {id}</a>
}
