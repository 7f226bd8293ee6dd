export { EventStore, fold, type NewEvent, type RecordedEvent, type StreamEvent, type Upcasters } from './store.ts';
