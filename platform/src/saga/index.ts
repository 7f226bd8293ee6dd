export type { CommandStep, LocalStep, SagaDefinition, Sagas, SagaStatus, SagaView, Step } from './definition.ts';
