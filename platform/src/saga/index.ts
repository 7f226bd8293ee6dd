export {
  type CommandStep,
  commandStep,
  type LocalStep,
  localStep,
  type SagaDefinition,
  type SagaFailure,
  type SagaStatus,
  type Sagas,
  type SagaView,
  type Step,
  saga,
} from './definition.ts';
export { SagaEngine, type SagaEngineOptions } from './engine.ts';
export { Participant, replyType, type StepCommand, type StepHandlers } from './participant.ts';
export { SagaWatch, type SagaWatchOptions } from './watch.ts';
