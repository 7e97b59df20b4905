import { useEffect, useState } from 'preact/hooks'

/** Returns whether a media query matches, and renders again when that changes. */
export function useMediaQuery(query: string): boolean {
  const [isMatching, setMatching] = useState(() => matchMedia(query).matches)
  useEffect(() => {
    const list = matchMedia(query)
    const update = () => setMatching(list.matches)
    update()
    list.addEventListener('change', update)
    return () => list.removeEventListener('change', update)
  }, [query])
  return isMatching
}

/** Phones show the rows before the chart, and have no room for some of the controls. */
export const phoneQuery = '(max-width: 720px)'
