import type { Identity } from '@lapse/client'
import { Form, NavLink, Outlet, useLoaderData } from 'react-router'

export function Layout() {
  const { subject } = useLoaderData<Identity>()
  return (
    <main>
      <header>
        <nav aria-label="Application">
          <NavLink to="/">Report</NavLink>
          <NavLink to="/inbox">Inbox</NavLink>
        </nav>
        <code>{subject}</code>
        <Form method="post" action="/logout">
          <button type="submit">Sign out</button>
        </Form>
      </header>
      <Outlet />
    </main>
  )
}
