export { dashboardRouter } from './router.ts';
export { startDashboard, type Dashboard } from './server.ts';
export type { DashboardAuth, DashboardRouterOptions, StartDashboardOptions } from './options.ts';
