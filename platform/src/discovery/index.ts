/** Where the instances of a service are, and which of them takes the next call. */
export {
  createDiscovery,
  type Discovery,
  type DiscoveryOptions,
  type Endpoint,
  type EndpointState,
} from './discovery.ts';
export type { Outcome } from './pool.ts';
export { type DiscoverySettings, discoverySettings, urlSetting } from './settings.ts';
