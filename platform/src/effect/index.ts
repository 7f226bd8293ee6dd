export type { Effect, EffectDefinition, EffectRequest } from './definition.ts';
export { EffectRunner, type EffectRunnerOptions } from './runner.ts';
