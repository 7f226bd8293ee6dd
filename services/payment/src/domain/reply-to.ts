import type { Cause, StepAddress } from '@stoa/platform/schema';

/** Whom to answer in a later transaction: the command's place in its saga. */
export interface ReplyTo {
  readonly step: StepAddress;
  readonly key: string;
  readonly cause: Cause;
}

export function replyTo({ step, key, cause }: ReplyTo): ReplyTo {
  return { step, key, cause };
}
