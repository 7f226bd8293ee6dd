/** A change of one source file; `find` is there once. */
export interface Edit {
  readonly file: string;
  readonly find: string;
  readonly put: string;
}

/** A shop that is not the same in one process as in many, or that would not be if its doors were worse. */
export interface Plant {
  readonly edits: readonly Edit[];
  /** The tests of the suite that have to turn red. */
  readonly turnsRed: readonly string[];
}

/** A service that answers with an object that it keeps, and one that changes the answers it gets: as good as the others while each has its own. */
const careless: readonly Edit[] = [
  {
    file: 'services/shipping/src/methods.ts',
    find: 'export function methodsFor(',
    put: `const kept = new Map();
export function methodsFor(asked: { currency?: string | undefined }): ShippingMethod[] {
  const currency = asked.currency ?? '';
  if (!kept.has(currency)) kept.set(currency, madeFor(asked));
  return kept.get(currency);
}
function madeFor(`,
  },
  {
    file: 'services/order/src/neighbours/shipping-prices.ts',
    find: '    if (this.#kept.size >= quotesMax)',
    put: `    Object.assign(quote, { title: 'Changed by who asked' });
    if (this.#kept.size >= quotesMax)`,
  },
  {
    // A subscriber that changes what it was handed, once it has a copy.
    file: 'platform/src/inbox/inbox.ts',
    find: 'const delivered = this.#arrivals.add(messages);',
    put: `const delivered = this.#arrivals.add(structuredClone(messages));
    for (const { payload } of messages) Object.assign(payload as object, { changed: 'by a subscriber' });`,
  },
];

const answersByReference: readonly Edit[] = [
  {
    file: 'platform/src/http/invoke.ts',
    find: '  return wireAnswer(plan, answer, {',
    put: '  return byReference(answer, plan, answer, {',
  },
  {
    file: 'platform/src/http/invoke.ts',
    find: 'JSON.parse(wire.body)',
    put: '(wire as any).own ?? JSON.parse(wire.body)',
  },
  {
    file: 'platform/src/http/invoke.ts',
    find: 'function resultOf(',
    put: `function byReference(answer: Answer, ...written: Parameters<typeof wireAnswer>): WireAnswer {
  return Object.assign(wireAnswer(...written), { own: answer.body });
}

function resultOf(`,
  },
];

const messagesByReference: readonly Edit[] = [
  { file: 'platform/src/transport/local.ts', find: 'accept(messages.map(copyOf))', put: 'accept(messages)' },
];

const errorClasses: readonly Edit[] = [
  {
    file: 'platform/src/http/invoke.ts',
    find: '    return resultOf(wireProblem(problem, problemHeaders(problem, error)));',
    put: '    throw new (class Leaked extends Error {})(problem.detail);',
  },
];

export const plants = {
  'the shop as it is': { edits: [], turnsRed: [] },
  'services that change what others gave them, with doors that copy': { edits: careless, turnsRed: [] },
  'answers by reference': {
    edits: [...careless, ...answersByReference],
    turnsRed: ['what one service answers another is its own, whatever the other does with it'],
  },
  'messages by reference': {
    edits: [...careless, ...messagesByReference],
    turnsRed: ['keeps its promises through all of that'],
  },
  'an error class in place of a code': {
    edits: errorClasses,
    turnsRed: ['so does one that another service is asked about'],
  },
} as const satisfies Record<string, Plant>;

export type PlantName = keyof typeof plants;
