import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { judgeRefreshToken } from './refresh-token.ts';

const fresh = { expired: false, ended: false, usedAgoS: null };

describe('a refresh token', () => {
  it('is exchanged at its first use', () => {
    assert.equal(judgeRefreshToken(fresh), 'exchange');
  });

  it('gives its successor again for ten seconds', () => {
    assert.equal(judgeRefreshToken({ ...fresh, usedAgoS: 0 }), 'repeat');
    assert.equal(judgeRefreshToken({ ...fresh, usedAgoS: 10 }), 'repeat');
  });

  it('is taken for stolen when it comes again later, even after its session ended', () => {
    assert.equal(judgeRefreshToken({ ...fresh, usedAgoS: 10.001 }), 'reused');
    assert.equal(judgeRefreshToken({ ...fresh, usedAgoS: 11, ended: true }), 'reused');
  });

  it('is good for nothing when it expired or its session ended', () => {
    assert.equal(judgeRefreshToken({ ...fresh, expired: true }), 'invalid');
    assert.equal(judgeRefreshToken({ ...fresh, ended: true }), 'invalid');
    assert.equal(judgeRefreshToken({ ...fresh, ended: true, usedAgoS: 1 }), 'invalid');
    assert.equal(judgeRefreshToken({ ...fresh, expired: true, usedAgoS: 60 }), 'invalid');
  });
});
