export { dashboardRouter } from './router.ts';
export { startDashboard, type Dashboard } from './server.ts';
export type { Authorize, DashboardAction } from './access.ts';
export type { DashboardAuth, DashboardCredential, DashboardRouterOptions, StartDashboardOptions } from './options.ts';
