export type { Effect, EffectDefinition, EffectRequest } from './definition.ts';
