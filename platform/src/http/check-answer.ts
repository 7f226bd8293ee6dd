import { assert } from '../errors/index.ts';
import { validatorOf } from '../schema/index.ts';
import type { Answer } from '../service/index.ts';
import type { OperationPlan } from './operation-plan.ts';

/** Holds a good answer against the contract. Costs a second pass over the body, so only tests and development ask for it. */
export function checkAnswer(plan: OperationPlan, answer: Answer): void {
  const { operation } = plan;
  const status = answer.status ?? plan.statusDefault;
  if (status >= 400) return;
  assert(operation.statuses.includes(status), `${plan.name} answered ${status}, which its contract does not list`);
  if (answer.stream !== undefined || operation.answer === undefined || status === 204) return;
  const body: unknown = JSON.parse(answer.rawBody ?? JSON.stringify(answer.body) ?? 'null');
  const violations = validatorOf(operation.answer).check(body) ? [] : validatorOf(operation.answer).violations(body);
  assert(violations.length === 0, `${plan.name} answered in another shape: ${JSON.stringify(violations)}`);
}
