import type { User } from '@stoa/contracts/user';
import { userEvents } from '@stoa/contracts/user-messages';
import type { Id } from '@stoa/platform/ids';
import type { Cause } from '@stoa/platform/schema';
import type { Service } from '@stoa/platform/service';
import type { Tx } from '@stoa/platform/sql';
import type { UserDeps } from './deps.ts';

export interface Occasion {
  readonly tx: Tx;
  readonly cause: Cause;
  readonly service: Service<UserDeps>;
}

export function announceRegistered({ tx, cause, service }: Occasion, { id, role, createdAt, metadata }: User): void {
  const payload = { userId: id, role, registeredAt: createdAt, metadata };
  service.publish(tx, userEvents.userRegistered, { key: id, payload, cause });
}

export function announceChanged(
  { tx, cause, service }: Occasion,
  { id, role, active, metadata }: User,
  tokensValidFrom: string,
): void {
  const payload = { userId: id, role, active, tokensValidFrom, metadata };
  service.publish(tx, userEvents.userChanged, { key: id, payload, cause });
}

export function announceSessionEnded(
  { tx, cause, service }: Occasion,
  session: { userId: Id; sessionId: Id; endedAt: string },
): void {
  service.publish(tx, userEvents.sessionEnded, { key: session.userId, payload: session, cause });
}

export function announceApiKeyRevoked({ tx, cause, service }: Occasion, key: { keyId: Id; revokedAt: string }): void {
  service.publish(tx, userEvents.apiKeyRevoked, { key: key.keyId, payload: key, cause });
}
