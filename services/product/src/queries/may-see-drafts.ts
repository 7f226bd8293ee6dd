import { isStaff } from '@stoa/platform/http';
import type { Principal } from '@stoa/platform/schema';

/** Whether the caller sees drafts and archived products. */
export function maySeeDrafts(principal: Principal): boolean {
  return isStaff(principal, ['merchandiser']);
}
