import type { Session } from '../api/fetchJson.ts'
import { Logo } from './Logo.tsx'

interface Props {
  readonly session: Session
  readonly signOut: () => void
  readonly isLive: boolean
  readonly setLive: (isLive: boolean) => void
  /** The collector gives no answer now. */
  readonly isAway: boolean
}

export function Header({ session: { token }, signOut, isLive, setLive, isAway }: Props) {
  return (
    <header class="top">
      <Logo />
      <button
        type="button"
        class={`live ${isAway ? 'away' : ''}`}
        aria-pressed={isLive}
        onClick={() => setLive(!isLive)}
      >
        {isLive && isAway ? 'Live: no answer' : 'Live'}
      </button>
      <span class="who" title={`Token ${token.id}`}>
        {token.name ?? token.id}
      </span>
      <button type="button" onClick={signOut}>
        Sign out
      </button>
    </header>
  )
}
