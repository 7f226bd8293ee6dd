export { EventStore, fold, type NewEvent, type Upcasters } from './store.ts';
