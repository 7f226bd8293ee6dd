import {
  Address,
  anyone,
  caller,
  contract,
  Email,
  IdText,
  Instant,
  internal,
  Line,
  Metadata,
  NewMetadata,
  nullable,
  oneOf,
  operation,
  page,
  pageQuery,
  type Static,
  staff,
  strict,
  Type,
} from '@stoa/platform/schema';
import { Notification, NotificationPreferences } from './notification.ts';
import { Order } from './order.ts';
import { KeptCart } from './order-carts.ts';
import { userEvents } from './user-messages.ts';

const Role = oneOf(['customer', 'support', 'merchandiser', 'operator', 'admin']);
const Secret = Type.String({ minLength: 1, maxLength: 200 });
/** Bounded only so that nobody has a megabyte hashed; the rules for new passwords are checked apart, each with its own words. */
const Password = Type.String({
  minLength: 1,
  maxLength: 1024,
  description: '8 to 128 characters, none of the common ones',
});
const ExternalId = Line(200);

/** An address in a user's book. One of them, when there are any, is the default. */
export const UserAddress = strict({ id: IdText, isDefault: Type.Boolean(), ...Address.properties });
export type UserAddress = Static<typeof UserAddress>;

/** An address as the user sends it: without `id` it is a new one; without any default the first becomes it. */
export const UserAddressInput = strict({
  id: Type.Optional(IdText),
  isDefault: Type.Optional(Type.Boolean()),
  ...Address.properties,
});
export type UserAddressInput = Static<typeof UserAddressInput>;

/** A person with an account. */
export const User = strict({
  id: IdText,
  email: Type.String(),
  name: Type.String(),
  role: Role,
  active: Type.Boolean(),
  externalId: nullable(Type.String()),
  addresses: Type.Array(UserAddress),
  metadata: Metadata,
  createdAt: Instant,
  updatedAt: Instant,
  version: Type.Integer(),
});
export type User = Static<typeof User>;

/** Tokens of a sign-in. The access token lives `expiresIn` seconds; the refresh token is good for one exchange. */
export const SignedIn = strict({
  user: User,
  accessToken: Type.String(),
  refreshToken: Type.String(),
  expiresIn: Type.Integer(),
});
export type SignedIn = Static<typeof SignedIn>;

/** One sign-in of a user. `current` is the one that asks. */
export const Session = strict({
  id: IdText,
  createdAt: Instant,
  lastUsedAt: Instant,
  expiresAt: Instant,
  current: Type.Boolean(),
});
export type Session = Static<typeof Session>;

const apiKey = { id: IdText, name: Type.String(), role: Role, createdAt: Instant, lastUsedAt: nullable(Instant) };
/** A machine's key without the key itself. */
export const ApiKey = strict(apiKey);
export type ApiKey = Static<typeof ApiKey>;

/** A public key of the issuer (RFC 7517). */
const Jwk = strict({
  kty: Type.String(),
  crv: Type.String(),
  x: Type.String(),
  y: Type.Optional(Type.String()),
  kid: Type.String(),
  alg: Type.String(),
  use: Type.String(),
});

/** How to reach a user, for services that write to them. */
export const Contact = strict({
  id: IdText,
  email: Type.String(),
  name: Type.String(),
  role: Role,
  active: Type.Boolean(),
});
export type Contact = Static<typeof Contact>;

const errors = {
  'auth.invalid-credentials': { status: 401, title: 'E-mail or password is wrong' },
  'auth.refresh-reused': { status: 401, title: 'The refresh token has been used before' },
  'auth.reset-token-invalid': { status: 400, title: 'The token to set a password is not good any more' },
  'user.email-taken': { status: 409, title: 'The e-mail address has an account' },
  'user.external-id-taken': { status: 409, title: 'The external id belongs to another user' },
  'user.last-admin': { status: 409, title: 'The last admin has to stay' },
  'user.not-found': { status: 404, title: 'There is no such user' },
  'session.not-found': { status: 404, title: 'There is no such session' },
  'api-key.not-found': { status: 404, title: 'There is no such API key' },
  'password-reset.not-found': { status: 404, title: 'There is no such password reset' },
} as const;

const params = { id: IdText };

const authentication = {
  register: operation({
    method: 'POST',
    path: '/api/v1/auth/register',
    summary: 'Opens an account and signs in',
    access: anyone,
    body: strict({ email: Email, password: Password, name: Line(200) }),
    answer: SignedIn,
    statuses: [201],
    errors: ['user.email-taken'],
  }),
  logIn: operation({
    method: 'POST',
    path: '/api/v1/auth/login',
    summary: 'Signs in; the same answer and time for unknown users as for wrong passwords',
    access: anyone,
    body: strict({ email: Email, password: Password }),
    answer: SignedIn,
    errors: ['auth.invalid-credentials'],
  }),
  refresh: operation({
    method: 'POST',
    path: '/api/v1/auth/refresh',
    summary: 'Exchanges a refresh token for new tokens; once, and again within 10 s for a lost answer',
    access: anyone,
    body: strict({ refreshToken: Secret }),
    answer: SignedIn,
    errors: ['auth.refresh-reused'],
  }),
  logOut: operation({
    method: 'POST',
    path: '/api/v1/auth/logout',
    summary: 'Ends the session of the tokens',
    access: caller,
    body: strict({ refreshToken: Secret }),
  }),
  forgotPassword: operation({
    method: 'POST',
    path: '/api/v1/auth/password/forgot',
    summary: 'Has a mail sent with which a password can be set; says nothing about who has an account',
    access: anyone,
    body: strict({ email: Email }),
    statuses: [202],
  }),
  resetPassword: operation({
    method: 'POST',
    path: '/api/v1/auth/password/reset',
    summary: 'Sets a password with the token of the mail and ends every session',
    access: anyone,
    body: strict({ token: Secret, password: Password }),
    errors: ['auth.reset-token-invalid'],
  }),
  getKeySet: operation({
    method: 'GET',
    path: '/.well-known/jwks.json',
    summary: 'The public keys with which access tokens are verified',
    access: anyone,
    answer: strict({ keys: Type.Array(Jwk) }),
    publicCacheS: 60,
  }),
};

const ownAccount = {
  getMe: operation({
    method: 'GET',
    path: '/api/v1/users/me',
    summary: 'My account',
    access: caller,
    answer: User,
  }),
  updateMe: operation({
    method: 'PATCH',
    path: '/api/v1/users/me',
    summary: 'Changes my name, addresses (the whole list), metadata (whole) or password',
    access: caller,
    body: strict({
      name: Type.Optional(Line(200)),
      addresses: Type.Optional(Type.Array(UserAddressInput, { maxItems: 50 })),
      metadata: Type.Optional(NewMetadata),
      currentPassword: Type.Optional(Password),
      password: Type.Optional(Password),
    }),
    answer: User,
  }),
  eraseMe: operation({
    method: 'DELETE',
    path: '/api/v1/users/me',
    summary: 'Erases what is kept about me, everywhere; orders stay, without name and address',
    access: caller,
    errors: ['user.last-admin'],
  }),
  exportMe: operation({
    method: 'GET',
    path: '/api/v1/users/me/export',
    summary: 'Everything kept about me, by all services; none of them is left out in silence',
    access: caller,
    timeoutMs: 60_000,
    answer: strict({
      exportedAt: Instant,
      user: User,
      sessions: Type.Array(
        strict({ id: IdText, createdAt: Instant, lastUsedAt: Instant, expiresAt: Instant, endedAt: nullable(Instant) }),
      ),
      apiKeys: Type.Array(ApiKey),
      passwordResets: Type.Array(strict({ id: IdText, requestedAt: Instant, usedAt: nullable(Instant) })),
      orders: Type.Array(Order),
      carts: Type.Array(KeptCart),
      notifications: Type.Array(Notification),
      notificationPreferences: NotificationPreferences,
    }),
  }),
  listSessions: operation({
    method: 'GET',
    path: '/api/v1/users/me/sessions',
    summary: 'Where I am signed in, newest first',
    access: caller,
    query: pageQuery,
    answer: page(Session),
  }),
  endSession: operation({
    method: 'DELETE',
    path: '/api/v1/users/me/sessions/:id',
    summary: 'Signs out one of my sessions',
    access: caller,
    params,
    errors: ['session.not-found'],
  }),
};

const staffOnly = {
  listUsers: operation({
    method: 'GET',
    path: '/api/v1/users',
    summary: 'Users, newest first',
    access: staff('support'),
    query: {
      ...pageQuery,
      role: Type.Optional(Role),
      active: Type.Optional(Type.Boolean()),
      email: Type.Optional(Email),
      externalId: Type.Optional(ExternalId),
    },
    answer: page(User),
  }),
  createUser: operation({
    method: 'POST',
    path: '/api/v1/users',
    summary: 'Makes an account without a password, which the user sets by "forgot password"',
    access: staff(),
    body: strict({
      email: Email,
      name: Line(200),
      externalId: Type.Optional(ExternalId),
      role: Type.Optional(Role),
      metadata: Type.Optional(NewMetadata),
    }),
    answer: User,
    statuses: [201],
    idempotency: 'accepted',
    errors: ['user.email-taken', 'user.external-id-taken'],
  }),
  getUser: operation({
    method: 'GET',
    path: '/api/v1/users/:id',
    summary: 'One user; oneself, or any for support',
    access: { who: 'owner', orRoles: ['support'] },
    params,
    answer: User,
    errors: ['user.not-found'],
  }),
  changeUser: operation({
    method: 'PATCH',
    path: '/api/v1/users/:id',
    summary: 'Changes role or state; the access tokens made before are void at once',
    access: staff(),
    params,
    body: strict({ role: Type.Optional(Role), active: Type.Optional(Type.Boolean()) }),
    answer: User,
    errors: ['user.not-found', 'user.last-admin'],
  }),
  createApiKey: operation({
    method: 'POST',
    path: '/api/v1/api-keys',
    summary: "Makes a machine's key, which is shown this once",
    access: staff(),
    body: strict({ name: Line(100), role: Role }),
    answer: strict({ ...apiKey, key: Type.String() }),
    statuses: [201],
  }),
  listApiKeys: operation({
    method: 'GET',
    path: '/api/v1/api-keys',
    summary: "Machines' keys, newest first",
    access: staff(),
    query: pageQuery,
    answer: page(ApiKey),
  }),
  deleteApiKey: operation({
    method: 'DELETE',
    path: '/api/v1/api-keys/:id',
    summary: "Deletes a machine's key",
    access: staff(),
    params,
    errors: ['api-key.not-found'],
  }),
};

const forServices = {
  getContact: operation({
    method: 'GET',
    path: '/internal/user/users/:id',
    summary: 'How to reach a user',
    access: internal,
    params,
    answer: Contact,
    errors: ['user.not-found'],
  }),
  findContacts: operation({
    method: 'POST',
    path: '/internal/user/contacts',
    summary: 'How to reach several users; ids that nobody has are left out',
    access: internal,
    body: strict({ ids: Type.Array(IdText, { minItems: 1, maxItems: 1000 }) }),
    answer: strict({ contacts: Type.Array(Contact) }),
    repeatable: true,
  }),
  getPasswordReset: operation({
    method: 'GET',
    path: '/internal/user/password-resets/:id',
    summary: 'What the mail with which a password is set needs; only while the token is good',
    access: internal,
    params,
    answer: strict({ email: Type.String(), name: Type.String(), token: Type.String(), expiresAt: Instant }),
    errors: ['password-reset.not-found'],
  }),
  verifyApiKey: operation({
    method: 'POST',
    path: '/internal/user/api-keys/verify',
    summary: 'Whose key this is, by the SHA-256 of it in hexadecimal',
    access: internal,
    body: strict({ hash: Type.String({ pattern: '^[0-9a-f]{64}$' }) }),
    answer: strict({ id: IdText, name: Type.String(), role: Role }),
    repeatable: true,
    errors: ['api-key.not-found'],
  }),
  listRevocations: operation({
    method: 'GET',
    path: '/internal/user/revocations',
    summary: 'What ended since an instant, for verifiers that may have missed events; ask next time with `asOf`',
    access: internal,
    query: { since: Type.Optional(Instant) },
    answer: strict({
      /** Lies a minute back, so that transactions that commit late are seen too; what is told twice does no harm. */
      asOf: Instant,
      users: Type.Array(strict({ userId: IdText, tokensValidFrom: Instant })),
      sessions: Type.Array(strict({ sessionId: IdText, endedAt: Instant })),
      apiKeys: Type.Array(strict({ keyId: IdText, revokedAt: Instant })),
    }),
  }),
};

/** What the user service offers: accounts, sign-in, machines' keys, and contacts for the other services. */
export const userContract = contract({
  service: 'user',
  operations: { ...authentication, ...ownAccount, ...staffOnly, ...forServices },
  events: userEvents,
  commands: {},
  errors,
});
