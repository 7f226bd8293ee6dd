export { type DeadLetter, listDeadLetters, redrive, skip, undecodableType } from './dead-letters.ts';
export { Inbox, type InboxOptions } from './inbox.ts';
export { LeftToNewer } from './left-to-newer.ts';
export { tendMarks } from './marks.ts';
