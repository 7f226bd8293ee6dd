export { type Made, type OnceSteps, once } from './once.ts';
export { forgetOldKeys } from './record.ts';
