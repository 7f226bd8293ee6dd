import { findAppError } from '@stoa/platform/errors';
import { decodeCursor, encodeCursor } from '@stoa/platform/http';
import { strict, Type } from '@stoa/platform/schema';
import type { OpsService } from './ask-services.ts';

/** Where a list over services goes on: at which service, and at which of its cursors. */
const Position = strict({ service: Type.String(), cursor: Type.Optional(Type.String()) });

export interface Paged<T> {
  readonly items: T[];
  readonly nextCursor: string | null;
  readonly partial: string[];
}

/**
 * One page of a list that goes through the services one after another. A service that does not answer is passed over and named, so the
 * others' rows can be seen all the same.
 *
 * @param read one page of one service
 */
export async function pageThroughServices<T>(
  services: readonly OpsService[],
  query: { limit?: number | undefined; cursor?: string | undefined },
  read: (
    service: OpsService,
    page: { limit: number; cursor?: string },
  ) => Promise<{ items: readonly T[]; nextCursor: string | null }>,
): Promise<Paged<T & { service: string }>> {
  const limit = query.limit ?? 20;
  const start = query.cursor === undefined ? undefined : decodeCursor(Position, query.cursor);
  const first = start === undefined ? 0 : services.findIndex(({ service }) => service === start.service);
  const items: (T & { service: string })[] = [];
  const partial: string[] = [];
  let cursor = start?.cursor;
  for (const service of first === -1 ? [] : services.slice(first)) {
    if (items.length === limit) return { items, nextCursor: encodeCursor({ service: service.service }), partial };
    try {
      const page = await read(service, { limit: limit - items.length, ...(cursor === undefined ? {} : { cursor }) });
      for (const item of page.items) items.push({ service: service.service, ...item });
      if (page.nextCursor !== null) {
        return { items, nextCursor: encodeCursor({ service: service.service, cursor: page.nextCursor }), partial };
      }
    } catch (error) {
      if (findAppError(error)?.kind === 'refusal') throw error;
      partial.push(service.service);
    }
    cursor = undefined;
  }
  return { items, nextCursor: null, partial };
}
