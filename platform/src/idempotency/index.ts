export { type Made, type OnceSteps, once } from './once.ts';
export { eraseAnswers, forgetOldKeys } from './record.ts';
