import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { createBrowserRouter } from 'react-router'
import { RouterProvider } from 'react-router/dom'
import { call } from './api.ts'
import { Failure } from './pages/Failure.tsx'
import { Inbox, type Messages } from './pages/Inbox.tsx'
import { Layout } from './pages/Layout.tsx'
import { Login } from './pages/Login.tsx'
import { Report, type ReportData } from './pages/Report.tsx'
import { beforeLogin, guard, signIn, signOut } from './session.ts'

const router = createBrowserRouter([
  { path: '/login', loader: beforeLogin, action: signIn, Component: Login, ErrorBoundary: Failure },
  { path: '/logout', action: signOut },
  {
    loader: guard,
    // Once for each time that a user comes in; from then on each call of the API says whether the session lives.
    shouldRevalidate: () => false,
    Component: Layout,
    ErrorBoundary: Failure,
    children: [
      { path: '/', loader: () => call<ReportData>('GET', '/report'), Component: Report },
      { path: '/inbox', loader: () => call<Messages>('GET', '/messages'), Component: Inbox },
    ],
  },
])

const root = document.getElementById('root')
if (!root) throw new Error('index.html has no element with the id "root".')
createRoot(root).render(
  <StrictMode>
    <RouterProvider router={router} />
  </StrictMode>,
)
