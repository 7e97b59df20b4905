import type { ComponentChildren } from 'preact'
import type { Alarm, DashboardSession } from '../api/types.ts'
import { Logo } from '../components/Logo.tsx'
import type { Route } from '../state/route.ts'
import { phoneQuery, useMediaQuery } from '../state/useMediaQuery.ts'
import { AlarmsButton } from './AlarmsButton.tsx'
import { RangePicker } from './RangePicker.tsx'
import { SiteSelect } from './SiteSelect.tsx'

interface Props {
  readonly session: DashboardSession
  readonly route: Route
  readonly signOut: () => void
  readonly alarms: readonly Alarm[]
  /** The second line of the bar. */
  readonly children: ComponentChildren
}

/** Stays at the top of the window: what is selected, and who is signed in. */
export function TopBar({ session, route, signOut, alarms, children }: Props) {
  const isPhone = useMediaQuery(phoneQuery)
  const { token, sites } = session
  return (
    <header class="top-bar">
      <div class="bar-line">
        <Logo />
        {!isPhone && <SiteSelect route={route} sites={sites} />}
        <RangePicker route={route} />
        <span class="bar-space" />
        <AlarmsButton alarms={alarms} route={route} />
        <span class="token-name" title={`Token ID: ${token.id}`}>
          {token.name ?? token.id}
        </span>
        <button type="button" onClick={signOut}>
          Sign out
        </button>
      </div>
      {children}
    </header>
  )
}
