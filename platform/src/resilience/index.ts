/** Policies of calls between services: what is tried again, how long, how many at a time, and when no longer. */
export type { Attempt } from './attempt.ts';
export { type BreakerState, isFailure } from './breaker.ts';
export { createPolicies, fairMsOf, type Policies, type PoliciesOptions } from './create-policies.ts';
export { notBegun, wasNotBegun } from './not-begun.ts';
export type { OperationPolicy, PolicyListener, RunOptions } from './operation-policy.ts';
