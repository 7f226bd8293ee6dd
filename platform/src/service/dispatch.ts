import { assert } from '../errors/index.ts';
import { type Participant, replyType, type SagaEngine, type StepCommand } from '../saga/index.ts';
import { type Message, type TSchema, validatorOf, withoutUnknownFields } from '../schema/index.ts';
import type { Tx } from '../sql/index.ts';
import type { Service, ServiceDefinition } from './definition.ts';

type HandleMany = (messages: readonly Message[], tx: Tx) => Promise<void>;

/** What a service does with each type of message it gets. */
export interface Dispatch {
  knows(type: string): boolean;
  handle(messages: readonly Message[], tx: Tx): Promise<void>;
}

/** Puts a service's reactions, its commands and its sagas' replies behind one door. */
export function createDispatch<D>(
  definition: ServiceDefinition<D>,
  { service, sagas, participant }: { service: () => Service<D>; sagas: SagaEngine; participant: Participant },
): Dispatch {
  const handlers = new Map<string, HandleMany>();
  if (definition.sagas?.length) handlers.set(replyType, (messages, tx) => sagas.hearReplies(messages, tx));
  for (const reaction of definition.reactions ?? []) {
    assert(!handlers.has(reaction.event.type), `${definition.name} hears ${reaction.event.type} twice`);
    handlers.set(
      reaction.event.type,
      checked(reaction.event.payload, (messages, tx) => reaction.handleMany(messages as never[], tx, service())),
    );
  }
  for (const handler of definition.commands ?? []) {
    const steps = {
      later: handler.later ?? false,
      doMany: (commands: readonly StepCommand[], tx: Tx) => handler.doMany(commands as never[], tx, service()),
      undoMany: (commands: readonly StepCommand[], tx: Tx) => handler.undoMany(commands as never[], tx, service()),
    };
    handlers.set(
      handler.command.type,
      checked(handler.command.payload, (messages, tx) => participant.carryOut(messages as StepCommand[], steps, tx)),
    );
  }
  return {
    knows: (type) => handlers.has(type),
    async handle(messages, tx) {
      for (const [type, group] of Map.groupBy(messages, (message) => message.type)) {
        await (handlers.get(type) as HandleMany)(group, tx);
      }
    },
  };
}

/**
 * Refuses payloads that do not have their type's shape: such a message dies instead of doing half of something. A sender of the next version may have added
 * a field, which is left out: what is carried out here is what this version knows, and nothing of the rest gets into its rows.
 */
function checked(schema: TSchema, handle: HandleMany): HandleMany {
  const validator = validatorOf(schema);
  const known = (message: Message): Message => {
    if (validator.check(message.payload)) return message;
    const payload = withoutUnknownFields(schema, message.payload);
    if (validator.check(payload)) return { ...message, payload };
    const [first] = validator.violations(payload);
    throw new Error(`the payload of ${message.type} ${message.id} is malformed: ${first?.path} ${first?.message}`);
  };
  return async (messages, tx) => handle(messages.map(known), tx);
}
