import assert from 'node:assert/strict';
import { before } from 'node:test';
import type { Order } from '@stoa/contracts/order';
import type { SignedIn } from '@stoa/contracts/user';
import { newId } from '@stoa/platform/ids';
import { ask } from '../../ask.ts';
import { type TestShop, until } from '../../shop.ts';
import type { Conformance } from '../conform.ts';

/** One operation of each service that knows callers: every service finds out by itself whom a token speaks for. */
const ofEachService = [
  '/api/v1/users/me',
  '/api/v1/orders',
  '/api/v1/notifications',
  '/api/v1/dashboard',
  '/api/v1/analytics/summary',
  '/api/v1/payments?orderId=01a1fbc4-d390-71d6-85d6-c33d57342000',
  '/api/v1/inventory',
  '/api/v1/products/export',
  '/api/v1/ops/backlog',
];

/** Who is believed to be whom, wherever the question is asked. */
export function identity({ place, test }: Conformance): void {
  let shop: TestShop;
  before(async () => {
    ({ shop } = place());
    await shop.stockUp('KNOWN', 100);
  });

  const register = (): Promise<SignedIn> =>
    shop.expect<SignedIn>(201, 'POST', '/api/v1/auth/register', {
      body: { email: `${newId()}@customer.example`, password: 'a long enough password', name: 'A Customer' },
    });

  /** What every service answers, asked through every gateway: the same through each. */
  async function answers(token: string | undefined, headers = {}): Promise<Record<string, unknown>> {
    const seen: Record<string, unknown> = {};
    for (const path of ofEachService) {
      const given = await Promise.all(
        place().gateways.map(async (gateway) => {
          const response = await fetch(`${gateway}${path}`, {
            headers: { ...headers, ...(token !== undefined && { authorization: `Bearer ${token}` }) },
          });
          const text = await response.text();
          return response.ok
            ? String(response.status)
            : `${response.status} ${(JSON.parse(text) as { code: string }).code}`;
        }),
      );
      assert.equal(new Set(given).size, 1, `${path}: ${given}`);
      seen[path] = given[0];
    }
    return seen;
  }

  test('every service knows customers, staff, machines, strangers and what is no token', async () => {
    const { accessToken } = await register();
    const key = await shop.expectAdmin<{ key: string }>(201, 'POST', '/api/v1/api-keys', {
      body: { name: 'a till', role: 'support' },
    });
    return {
      nobody: await answers(undefined),
      customer: await answers(accessToken),
      admin: await answers(shop.adminToken),
      machine: await answers(key.key),
      forged: await answers(`${accessToken.slice(0, -4)}AAAA`),
      nonsense: await answers('nonsense'),
    };
  });

  test('nobody from outside is taken for a service, and internal addresses are not there', async () => {
    const headers = {
      'x-stoa-service': 'gateway',
      'x-stoa-on-behalf': JSON.stringify({ kind: 'user', userId: newId(), role: 'admin', sessionId: newId() }),
      'x-stoa-door': 'internal',
    };
    const internal = await Promise.all(
      ['/internal/order/ops/backlog', '/internal/order/messages', '/internal/product/prices'].map(async (path) => {
        const { status, body } = await shop.asAdmin<{ code: string }>('POST', path, { headers, body: {} });
        return [status, body.code];
      }),
    );
    return { nobody: await answers(undefined, headers), internal };
  });

  test('who is signed out is a stranger to every service within two seconds', async () => {
    const { accessToken, refreshToken } = await register();
    await shop.expect(204, 'POST', '/api/v1/auth/logout', { token: accessToken, body: { refreshToken } });
    return strangerEverywhere(accessToken);
  });

  test('whose role has changed may do that much everywhere, with a new token only', async () => {
    const { user, accessToken, refreshToken } = await register();
    await shop.expectAdmin(200, 'PATCH', `/api/v1/users/${user.id}`, { body: { role: 'support' } });
    const old = await strangerEverywhere(accessToken);
    const again = await shop.ask<SignedIn & { code?: string }>('POST', '/api/v1/auth/refresh', {
      body: { refreshToken },
    });
    const login = await shop.expect<SignedIn>(200, 'POST', '/api/v1/auth/login', {
      body: { email: user.email, password: 'a long enough password' },
    });
    return { old, refresh: [again.status, again.body.code], support: await answers(login.accessToken) };
  });

  test('what one did through one gateway is theirs through the other', async () => {
    const { accessToken: token } = await register();
    const { body: order } = await shop.place({ items: [{ sku: 'KNOWN', quantity: 1 }] }, { token, waitS: 30 });
    const lists = await Promise.all(
      place().gateways.map((gateway) => ask<{ items: Order[] }>(gateway, 'GET', '/api/v1/orders', { token })),
    );
    for (const { body } of lists)
      assert.deepEqual(
        body.items.map(({ id }) => id),
        [order.id],
      );
    const { body: dashboard } = await shop.ask<{ partial: string[]; recentOrders: Order[] }>(
      'GET',
      '/api/v1/dashboard',
      {
        token,
      },
    );
    return [dashboard.partial, dashboard.recentOrders.map(({ status }) => status)];
  });

  async function strangerEverywhere(token: string): Promise<unknown> {
    return until(
      () => answers(token).catch((mixed: Error) => ({ mixed: mixed.message })),
      (seen) => Object.values(seen).every((answer) => String(answer) === '401 auth.invalid'),
      2_500,
    );
  }
}
