/** Renders a page that posts to Auth.js with its CSRF token, as Auth.js's own pages do, and then opens another page. */
export function renderPost(path: string, fields: Readonly<Record<string, string>>, next: string): string {
  return `<!doctype html><link rel="icon" href="data:,"><script type="module">
  const { csrfToken } = await (await fetch('/auth/csrf')).json()
  const body = new URLSearchParams({ ...${JSON.stringify(fields).replaceAll('<', '\\u003c')}, csrfToken })
  await (await fetch('${path}', { method: 'POST', headers: { 'X-Auth-Return-Redirect': '1' }, body })).text()
  location.replace('${next}')
</script>`
}
