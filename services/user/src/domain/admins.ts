import type { Role } from '@stoa/platform/schema';

interface Standing {
  readonly role: Role;
  readonly active: boolean;
}

/** Whether a change takes away somebody who could administer the shop. The last one may not go. */
export function endsAnAdmin(before: Standing, after: Standing): boolean {
  return isAdmin(before) && !isAdmin(after);
}

function isAdmin({ role, active }: Standing): boolean {
  return role === 'admin' && active;
}
