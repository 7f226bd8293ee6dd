import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AsyncMessage } from 'rabbitmq-client';
import type { Message } from '../../schema/index.ts';
import { decode, encode, envelopeOf } from './wire.ts';

const message: Message = {
  id: '01935a1e-0000-7000-8000-000000000001',
  type: 'order.confirmed.v1',
  key: 'order-1',
  payload: { note: 'größer, "quoted", \u2028 and \u{1f600}', n: 1, none: null },
  occurredAt: '2026-11-21T05:00:00.000Z',
  cause: { correlationId: 'c', causationId: 'm', traceparent: '00-1-1-01' },
  delayMs: 5,
  step: { saga: '01935a1e-0000-7000-8000-000000000002', step: 'reserve', replyTo: 'order', mode: 'do' },
};

const delivered = (body: unknown, more: object = {}) =>
  ({
    consumerTag: 't',
    deliveryTag: 1,
    redelivered: false,
    exchange: 'stoa',
    routingKey: 'order.x',
    body,
    ...more,
  }) as AsyncMessage;

function undecodable(body: unknown, more: object = {}) {
  const decoded = decode(delivered(body, more));
  assert.ok('undecodable' in decoded, 'it was taken for a message');
  return decoded.undecodable;
}

describe('a message in a queue', () => {
  it('comes out as it went in', () => {
    assert.deepEqual(decode(delivered(encode(message))), { message });
  });

  it('says who it is for and what it is, is kept on disk and comes back when it has no queue', () => {
    const { routingKey, durable, mandatory, messageId, type, contentType } = envelopeOf('shipping', message);
    assert.deepEqual(
      { routingKey, durable, mandatory, messageId, type, contentType },
      {
        routingKey: 'shipping.order.confirmed.v1',
        durable: true,
        mandatory: true,
        messageId: message.id,
        type: 'order.confirmed.v1',
        contentType: 'application/json',
      },
    );
  });

  for (const [what, change] of [
    ['an id that is no UUID', { id: 'x' }],
    ['no type', { type: undefined }],
    ['a key that holds a NUL', { key: 'a\0' }],
    ['a key too long for an index', { key: 'k'.repeat(201) }],
    ['an id in capitals', { id: message.id.toUpperCase() }],
    ['half a character in its payload', { payload: '\ud800' }],
    ['no cause', { cause: null }],
    ['a delay below zero', { delayMs: -1 }],
    ['a step of no saga', { step: { saga: 'x' } }],
  ] as const) {
    it(`is none with ${what}`, () => {
      undecodable(encode({ ...message, ...change } as unknown as Message));
    });
  }

  it('is none when a stranger has nested it deeper than our own readers take', () => {
    undecodable({ ...message, payload: JSON.parse('['.repeat(5_000) + ']'.repeat(5_000)) });
  });

  it('keeps its own id and key when only its payload is wrong, so that it can hold back what is behind it', () => {
    const { id, key } = undecodable(encode({ ...message, payload: 'a\0b' }));
    assert.deepEqual([id, key], [message.id, message.key]);
    assert.equal(undecodable(encode({ ...message, type: '' })).key, undefined);
  });

  it('that is none is shown as text where it is text, else as base64, and shortened', () => {
    assert.deepEqual(undecodable(Buffer.from('hé')).payload, {
      bytes: 3,
      text: 'hé',
      properties: { routingKey: 'order.x' },
    });
    const { payload } = undecodable(Buffer.alloc(1_000_000, 0xff)) as { payload: { bytes: number; base64: string } };
    assert.equal(payload.bytes, 1_000_000);
    assert.ok(payload.base64.length < 6_000);
  });

  it('that is none has one id however often it is delivered, and another than its sender may have given it', () => {
    const [first, again] = [
      undecodable(Buffer.from('x'), { deliveryTag: 1 }),
      undecodable(Buffer.from('x'), { redelivered: true }),
    ];
    assert.equal(first.id, again.id);
    assert.notEqual(first.id, undecodable(Buffer.from('y')).id);
    assert.notEqual(undecodable(Buffer.from('x'), { messageId: message.id }).id, message.id);
  });
});
