import type { DashboardSession } from '../api/types.ts'
import { Logo } from './Logo.tsx'

interface Props {
  readonly session: DashboardSession
  readonly signOut: () => void
  readonly isLive: boolean
  readonly setLive: (isLive: boolean) => void
  readonly isCollectorUnavailable: boolean
}

export function Header({ session: { token }, signOut, isLive, setLive, isCollectorUnavailable }: Props) {
  return (
    <header class="header">
      <Logo />
      <button
        type="button"
        class={`live-button ${isCollectorUnavailable ? 'unavailable' : ''}`}
        aria-pressed={isLive}
        onClick={() => setLive(!isLive)}
      >
        {isLive && isCollectorUnavailable ? 'Live: update failed' : 'Live'}
      </button>
      <span class="token-name" title={`Token ID: ${token.id}`}>
        {token.name ?? token.id}
      </span>
      <button type="button" onClick={signOut}>
        Sign out
      </button>
    </header>
  )
}
