import { type AppError, refusal } from '@stoa/platform/errors';

/** What a body of the operation may hold that says nothing of it, in bytes. */
export const bodyBytesMaxDefault = 1_048_576;

/** The refusal of a body that is longer than what it is sent to takes. */
export function tooLarge(bytesMax: number): AppError {
  return refusal('request.too-large', `The body is larger than ${bytesMax} bytes.`);
}
