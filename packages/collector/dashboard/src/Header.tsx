import type { Session } from './api.ts'
import { Logo } from './Logo.tsx'

interface Props {
  readonly session: Session
  readonly signOut: () => void
  readonly isLive: boolean
  readonly setLive: (isLive: boolean) => void
}

export function Header({ session: { token }, signOut, isLive, setLive }: Props) {
  return (
    <header class="top">
      <Logo />
      <button type="button" class="live" aria-pressed={isLive} onClick={() => setLive(!isLive)}>
        Live
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
