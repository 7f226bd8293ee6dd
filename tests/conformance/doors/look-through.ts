import type { Client, Clients } from '@stoa/platform/client';
import { AppError } from '@stoa/platform/errors';
import { nobodyWaits } from '@stoa/platform/schema';
import { type SampleWitness, sampleContract } from '@stoa/platform/testing';

type Seen = Readonly<Record<string, unknown>>;

const how = { cause: { correlationId: 'c1' }, deadlineMs: nobodyWaits };

/** What a service and its caller see of each other through a door: of objects that go in, of answers that come out, of errors. */
export async function lookThrough(clients: Clients, witness: SampleWitness): Promise<Seen> {
  const sample = clients.client(sampleContract);
  return {
    'what goes in': await whatGoesIn(sample, witness),
    'what comes out': await whatComesOut(sample),
    ...Object.fromEntries(
      await Promise.all(
        ['gone', 'away', 'broken', 'foreign'].map(async (sku) => [
          `an error: ${sku}`,
          await errorOf(sample.getPrice({ body: { sku } }, how)),
        ]),
      ),
    ),
    'a wrapped error': await errorOf(sample.getTea({ params: { id: 'none' } }, how)),
  };
}

/** The service is given a date and an undefined, and changes what it was given; then the caller does. */
async function whatGoesIn(sample: Client<typeof sampleContract>, { bodies }: SampleWitness): Promise<Seen> {
  const nested = { when: new Date(0), nothing: undefined, list: ['own'] };
  bodies.length = 0;
  await sample.getPrice({ body: { sku: 'A', nested } }, how);
  const got = (bodies[0] as { nested: typeof nested }).nested;
  const asGot = { when: typeof got.when, names: Object.keys(got) };
  got.list.push('by the service');
  nested.list.push('by the caller');
  return { asGot, callerHas: nested.list, serviceHas: got.list };
}

/** The service answers with an object that it keeps, and the caller changes it. */
async function whatComesOut(sample: Client<typeof sampleContract>): Promise<Seen> {
  const tea = (await sample.getTea({ params: { id: 'assam' } }, how)) as { name: string };
  const { name } = tea;
  tea.name = 'Changed by the caller';
  const { name: again } = await sample.getTea({ params: { id: 'assam' } }, how);
  tea.name = name;
  return { name, again };
}

/** Everything that a caller could hold on to. */
async function errorOf(call: Promise<unknown>): Promise<unknown> {
  const error = await call.then(
    (answer) => ({ answer }),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof AppError)) return { thrown: String(error) };
  const { kind, code, message, errors, retryAfterS, cause } = error;
  return { kind, code, message, errors, retryAfterS, cause: cause === undefined ? 'none' : String(cause) };
}
