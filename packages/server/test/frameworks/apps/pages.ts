/** The page of a signed-in user. */
export function renderHome(tag: string): string {
  return renderPage(
    'Home',
    `<form method="post" action="/logout" data-lapse-logout><button>Sign out</button></form>${tag}`,
  )
}

/** The login page. */
export function renderLogin(tag: string): string {
  return renderPage(
    'Sign in',
    `<p data-lapse-message hidden>You were signed out after {limit} without activity.</p>${tag}`,
  )
}

function renderPage(title: string, body: string): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title><link rel="icon" href="data:,">
<h1>${title}</h1>${body}</html>`
}
