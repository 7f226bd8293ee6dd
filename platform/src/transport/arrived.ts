import type { Message } from '../schema/index.ts';
import type { Mailbox, Undecodable } from './definition.ts';
import { idOfContent, type Read, readBody, readText } from './read-message.ts';

/** A message, or something that people have to look at. */
export type Arrived = { readonly message: Message } | { readonly undecodable: Undecodable };

const shownLengthMax = 4_096;

/** What came from a service of ours: a message, or the text of one. */
export function arrivedFrom(sent: unknown): Arrived {
  const read: Read = typeof sent === 'string' ? readText(sent) : readBody(sent);
  if ('message' in read) return read;
  const text = typeof sent === 'string' ? sent : JSON.stringify(sent);
  return {
    undecodable: {
      id: read.own?.id ?? idOfContent(text),
      key: read.own?.key,
      reason: reasonOf(read.wrong),
      payload: { length: text.length, text: text.slice(0, shownLengthMax).toWellFormed() },
    },
  };
}

/** For people, and the same whichever way it came. */
export function reasonOf(wrong: string): string {
  return `What arrived is no message: ${wrong}.`;
}

/**
 * Gives a mailbox what has arrived; resolves when all of it is durable there. What is no message and has a key takes its place in the order of that key:
 * what came before is taken in before, and what came after waits behind it.
 */
export async function handIn(mailbox: Mailbox, arrived: readonly Arrived[]): Promise<void> {
  let messages: Message[] = [];
  let undecodable: Undecodable[] = [];
  for (const one of arrived) {
    if ('message' in one) {
      if (undecodable.some(({ key }) => key !== undefined)) {
        await mailbox.bury(undecodable);
        undecodable = [];
      }
      messages.push(one.message);
      continue;
    }
    if (one.undecodable.key !== undefined && messages.length > 0) {
      await mailbox.accept(messages);
      messages = [];
    }
    undecodable.push(one.undecodable);
  }
  if (undecodable.length > 0) await mailbox.bury(undecodable);
  if (messages.length > 0) await mailbox.accept(messages);
}
