import { useState } from 'preact/hooks'
import type { SessionEnd } from '../api/types.ts'
import type { Route } from '../state/route.ts'
import { useClock } from '../state/useClock.ts'
import { type OpenMenu, RowMenu } from './RowMenu.tsx'
import { SessionEndRow } from './SessionEndRow.tsx'
import { SortableHeader } from './SortableHeader.tsx'

interface Props {
  readonly sessionEnds: readonly SessionEnd[]
  readonly route: Route
  readonly titleId: string
}

const ageIntervalMs = 30_000

export function SessionEndTable({ sessionEnds, route, titleId }: Props) {
  const [menu, setMenu] = useState<OpenMenu | null>(null)
  const now = useClock(ageIntervalMs)
  return (
    <>
      <table aria-labelledby={titleId}>
        <thead>
          <tr>
            <SortableHeader field="detectedAt" label="Detected" route={route} />
            <th scope="col">Reason</th>
            <SortableHeader field="subject" label="User" route={route} />
            <th scope="col" class="not-on-phones">
              Site
            </th>
            <SortableHeader field="elapsedMs" label="Idle for" route={route} class="number not-on-phones" />
            <th scope="col" class="evidence">
              Evidence
            </th>
            <SortableHeader field="receivedAt" label="Received" route={route} class="wide-screens-only" />
            <td class="menu-cell" />
          </tr>
        </thead>
        <tbody>
          {sessionEnds.map((sessionEnd) => (
            <SessionEndRow
              key={sessionEnd.id}
              sessionEnd={sessionEnd}
              route={route}
              now={now}
              isMenuOpen={menu?.sessionEnd.id === sessionEnd.id}
              openMenu={(button) => setMenu({ sessionEnd, button })}
            />
          ))}
        </tbody>
      </table>
      {menu && <RowMenu key={menu.sessionEnd.id} menu={menu} route={route} onClose={() => setMenu(null)} />}
    </>
  )
}
