import { type AppError, refusal } from '../errors/index.ts';

/** Always in the same words; the reason is the cause, for the log. */
export function badProof(reason: string): AppError {
  return refusal('auth.invalid', 'The proof of the calling service is not valid.', { cause: new Error(reason) });
}
