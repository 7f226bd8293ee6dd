export { defineEffect, type Effect, type EffectDefinition, type EffectRequest } from './definition.ts';
export { EffectRunner, type EffectRunnerOptions } from './runner.ts';
