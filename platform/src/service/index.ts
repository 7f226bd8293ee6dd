export {
  type Answer,
  type AnswerOf,
  type Call,
  type CommandHandler,
  commandHandler,
  defineService,
  type Handler,
  type InvariantCheck,
  type Job,
  type Reaction,
  type ReceivedCommand,
  reaction,
  reactionToMany,
  type Service,
  type ServiceDefinition,
  type ServiceStart,
} from './definition.ts';
export type { Edge, EdgeHost, HealthReport, LocalTarget, RemoteTarget, RequestContext } from './edge.ts';
export type { Fleet } from './fleet.ts';
export { answerProbes, type ProcessHealth } from './health.ts';
export { databaseSetting, type HostedService } from './host-service.ts';
export * from './ops-contract.ts';
export { type CallersHost, type Running, type RunOptions, run } from './run.ts';
