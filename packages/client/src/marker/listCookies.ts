/** Returns the values of all cookies with this name, as they are. Several cookies differ in their domains or paths. */
export function listCookies(name: string): string[] {
  return `; ${document.cookie}`
    .split(`; ${name}=`)
    .slice(1)
    .map((rest) => rest.replace(/;.*/, ''))
}
