import { analyticsContract } from '@stoa/contracts/analytics';
import { defineService } from '@stoa/platform/service';
import { startRebuild } from './commands/start-rebuild.ts';
import { checkInvariants } from './invariants.ts';
import { rebuildProjections } from './jobs/rebuild-projections.ts';
import { exportSales } from './queries/export-sales.ts';
import { getSeries } from './queries/get-series.ts';
import { getSummary } from './queries/get-summary.ts';
import { getTopProducts } from './queries/get-top-products.ts';
import { hearEvents } from './reactions/hear.ts';

/** Figures on what was sold, folded from a log of events. */
export const analytics = defineService({
  name: 'analytics',
  isListener: true,
  contract: analyticsContract,
  migrations: new URL('../migrations/', import.meta.url),
  routes: { getSummary, getSeries, getTopProducts, exportSales, startRebuild },
  reactions: hearEvents,
  jobs: [rebuildProjections],
  invariants: checkInvariants,
});
