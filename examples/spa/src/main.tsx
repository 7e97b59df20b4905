import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { createBrowserRouter } from 'react-router'
import { RouterProvider } from 'react-router/dom'
import '../../_shared/style.css'
import { callApi } from './api.ts'
import { Failure } from './pages/Failure.tsx'
import { Inbox, type Messages } from './pages/Inbox.tsx'
import { Layout } from './pages/Layout.tsx'
import { Login } from './pages/Login.tsx'
import { Report, type ReportData } from './pages/Report.tsx'
import { loadLogin, loadSession, signIn, signOut } from './session.ts'

const router = createBrowserRouter([
  { path: '/login', loader: loadLogin, action: signIn, Component: Login, ErrorBoundary: Failure },
  { path: '/logout', action: signOut },
  {
    loader: loadSession,
    // Once per visit is enough: afterwards, every API call shows whether the session is still alive.
    shouldRevalidate: () => false,
    Component: Layout,
    ErrorBoundary: Failure,
    children: [
      { path: '/', loader: () => callApi<ReportData>('GET', '/report'), Component: Report },
      { path: '/inbox', loader: () => callApi<Messages>('GET', '/messages'), Component: Inbox },
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
