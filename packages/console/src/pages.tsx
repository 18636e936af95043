import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Navigate,
  Outlet,
} from '@tanstack/react-router'

const root = createRootRoute({ component: Outlet, notFoundComponent: () => <Navigate to="/account" replace /> })

const tree = root.addChildren([
  createRoute({ getParentRoute: () => root, path: '/', component: () => <Navigate to="/account" replace /> }),
  createRoute({
    getParentRoute: () => root,
    path: '/sign-up',
    component: lazyRouteComponent(() => import('./sign-in/sign-up-page.tsx'), 'SignUpPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/forgot-password',
    component: lazyRouteComponent(() => import('./sign-in/forgot-password-page.tsx'), 'ForgotPasswordPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/account',
    component: lazyRouteComponent(() => import('./account/account-desk.tsx'), 'AccountDesk'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/admin',
    component: lazyRouteComponent(() => import('./administration/administration-desk.tsx'), 'AdministrationDesk'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/admin/start',
    component: lazyRouteComponent(() => import('./administration/first-steps-desk.tsx'), 'FirstStepsDesk'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/admin/channels',
    component: lazyRouteComponent(() => import('./channels/channels-desk.tsx'), 'ChannelsDesk'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/audit',
    component: lazyRouteComponent(() => import('./audit/audit-desk.tsx'), 'AuditDesk'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/publish',
    component: lazyRouteComponent(() => import('./publisher/publish-desk.tsx'), 'PublishDesk'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/subscribe',
    component: lazyRouteComponent(() => import('./subscriber/subscribe-desk.tsx'), 'SubscribeDesk'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/traffic',
    component: lazyRouteComponent(() => import('./subscriber/subscribe-desk.tsx'), 'TrafficDesk'),
  }),
])

/** The pages and their addresses; the authority serves these same paths (packages/server/src/http/console.ts). */
export const router = createRouter({ routeTree: tree })

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}
