import { analytics } from '@stoa/contracts/analytics';
import { defineService } from '@stoa/platform/service';
import { startRebuild } from './commands/start-rebuild.ts';
import { rebuildProjections } from './jobs/rebuild-projections.ts';
import { exportSales } from './queries/export-sales.ts';
import { getSeries } from './queries/get-series.ts';
import { getSummary } from './queries/get-summary.ts';
import { getTopProducts } from './queries/get-top-products.ts';
import { hearEvents } from './reactions/hear.ts';

export const analyticsService = defineService({
  name: 'analytics',
  contract: analytics,
  migrations: new URL('../migrations/', import.meta.url),
  routes: { getSummary, getSeries, getTopProducts, exportSales, startRebuild },
  reactions: hearEvents,
  jobs: [rebuildProjections],
});
