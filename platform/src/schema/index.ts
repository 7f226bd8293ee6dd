export { type Static, type TSchema, Type } from 'typebox';
export type { CallPolicy, Fallback } from './calling.ts';
export {
  type Access,
  anyone,
  type CommandType,
  type Contract,
  caller,
  command,
  type EventType,
  event,
  internal,
  type Method,
  type Operation,
  type PayloadOf,
  type ReplyOf,
  signed,
  staff,
} from './contract.ts';
export { type Asker, type Cause, type Message, nobodyWaits, type Outcome, type StepAddress } from './message.ts';
export { contract, nothing, operation } from './operation.ts';
export { anonymous, isRole, type Principal, type Role, roleAllows, roles } from './principal.ts';
export type { RecordedEvent, StreamEvent } from './stream.ts';
export { coerceTexts, parse, type Validator, validatorOf, withoutUnknownFields } from './validator.ts';
export {
  Address,
  amountMax,
  Country,
  Currency,
  Email,
  IdText,
  Instant,
  Line,
  Metadata,
  MoneySchema,
  NewMetadata,
  nullable,
  oneOf,
  page,
  pageQuery,
  Quantity,
  strict,
  Text,
} from './words.ts';
