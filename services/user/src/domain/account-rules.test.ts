import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { endsAnAdmin } from './admins.ts';
import { emailKey } from './email.ts';
import { erasedPerson } from './erasure.ts';

describe('an e-mail address', () => {
  it('is the same in any case and however its accents are composed', () => {
    assert.equal(emailKey('Ada@Example.COM'), 'ada@example.com');
    assert.equal(emailKey('ren\u0065\u0301@example.com'), emailKey('REN\u00c9@example.com'));
  });

  it('is another one with another local part', () => {
    assert.notEqual(emailKey('ada+shop@example.com'), emailKey('ada@example.com'));
  });
});

describe('an admin', () => {
  it('ends by losing the role or by being deactivated', () => {
    const admin = { role: 'admin', active: true } as const;
    assert.equal(endsAnAdmin(admin, { role: 'support', active: true }), true);
    assert.equal(endsAnAdmin(admin, { role: 'admin', active: false }), true);
    assert.equal(endsAnAdmin(admin, admin), false);
  });

  it('does not end where there was none', () => {
    assert.equal(endsAnAdmin({ role: 'admin', active: false }, { role: 'customer', active: false }), false);
    assert.equal(endsAnAdmin({ role: 'support', active: true }, { role: 'customer', active: true }), false);
  });
});

describe('an erased person', () => {
  it('has a name and an address that tell nothing, and differs from every other', () => {
    const one = erasedPerson('0190a0a0-0000-7000-8000-000000000001');
    assert.equal(one.name, 'Erased');
    assert.match(one.email, /\.invalid$/);
    assert.notEqual(one.email, erasedPerson('0190a0a0-0000-7000-8000-000000000002').email);
  });
});
