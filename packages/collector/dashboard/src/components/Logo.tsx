export function Logo() {
  return (
    <span class="logo">
      <svg viewBox="0 0 32 32" width="24" height="24" aria-hidden="true">
        <circle cx="16" cy="16" r="12" class="logo-ring" />
        <path d="M16 9v7l4 3" class="logo-hand" />
      </svg>
      <span class="logo-name">Lapse</span>
    </span>
  )
}
