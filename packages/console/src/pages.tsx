import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Navigate,
  Outlet,
} from '@tanstack/react-router'
import type { ComponentType } from 'react'

const root = createRootRoute({ component: Outlet, notFoundComponent: () => <Navigate to="/account" replace /> })

/** A page whose script is loaded when it is opened. @param load its file, which exports the page by this name */
function page<const Path extends string, const Name extends string>(
  path: Path,
  load: () => Promise<{ [name in Name]: ComponentType }>,
  name: Name,
) {
  return createRoute({ getParentRoute: () => root, path, component: lazyRouteComponent(load, name) })
}

const tree = root.addChildren([
  createRoute({ getParentRoute: () => root, path: '/', component: () => <Navigate to="/account" replace /> }),
  page('/sign-up', () => import('./sign-in/sign-up-page.tsx'), 'SignUpPage'),
  page('/forgot-password', () => import('./sign-in/forgot-password-page.tsx'), 'ForgotPasswordPage'),
  page('/account', () => import('./account/account-desk.tsx'), 'AccountDesk'),
  page('/admin', () => import('./administration/people-page.tsx'), 'PeopleDesk'),
  page('/admin/channels', () => import('./channels/channels-page.tsx'), 'ChannelsDesk'),
  page('/admin/roles', () => import('./roles/roles-page.tsx'), 'RolesDesk'),
  page('/admin/devices', () => import('./devices/devices-page.tsx'), 'DevicesDesk'),
  page('/admin/clients', () => import('./clients/clients-page.tsx'), 'ClientsDesk'),
  page('/admin/system', () => import('./system/system-page.tsx'), 'SystemDesk'),
  page('/audit', () => import('./audit/audit-desk.tsx'), 'AuditDesk'),
  page('/admin/start', () => import('./administration/first-steps-page.tsx'), 'FirstStepsDesk'),
  page('/publish', () => import('./publisher/publish-desk.tsx'), 'PublishDesk'),
  page('/subscribe', () => import('./subscriber/subscribe-desk.tsx'), 'SubscribeDesk'),
  page('/traffic', () => import('./subscriber/subscribe-desk.tsx'), 'TrafficDesk'),
])

/** The pages and their addresses; the authority serves these same paths (packages/server/src/http/console.ts). */
export const router = createRouter({ routeTree: tree })

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}
