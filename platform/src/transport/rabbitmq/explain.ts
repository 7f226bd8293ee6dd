import { type AppError, certificateAdvice, fault, isCertificateCode } from '../../errors/index.ts';

/** A broker as it may be named in a log: without the password. */
export interface BrokerAddress {
  readonly user: string;
  readonly vhost: string;
  /** `amqp://broker:5672` */
  readonly place: string;
}

/** @throws AppError `config.invalid` for what is no URL of a broker */
export function addressOf(url: string): BrokerAddress {
  const hint = 'STOA_TRANSPORT has to be local, or a URL like amqp://user:password@host:5672/vhost (amqps:// with TLS)';
  if (!URL.canParse(url)) throw fault('config.invalid', `${hint}; what was given is no URL.`);
  const { protocol, host, hostname, username, password, pathname } = new URL(url);
  if (protocol !== 'amqp:' && protocol !== 'amqps:') {
    throw fault('config.invalid', `${hint}; what was given begins with ${protocol}//.`);
  }
  if (hostname === '') throw fault('config.invalid', `${hint}; what was given names no host.`);
  try {
    decodeURIComponent(password);
    const vhost = decodeURIComponent(pathname.split('/')[1] ?? '') || '/';
    return { user: decodeURIComponent(username), vhost, place: `${protocol}//${host}` };
  } catch {
    throw fault('config.invalid', `${hint}; a % in the user, the password or the vhost has to be written as %25.`);
  }
}

const foreignProtocol = /^(VERSION_MISMATCH|FRAME_ERROR|CODEC|COMMAND_INVALID|EPROTO|ERR_SSL_.*)$/;

/** Why the broker could not be connected with: `config.invalid` when trying again will not help, else `service.unavailable`. */
export function explainConnecting(error: unknown, { place, user, vhost }: BrokerAddress): AppError {
  const { code, text } = told(error);
  const wrong = (detail: string) => fault('config.invalid', `RabbitMQ at ${place}: ${detail}`, { cause: error });
  if (code === 'ACCESS_REFUSED') {
    return wrong(
      `the login of user "${user}" was refused. Put a user and password that the broker knows into its URL.`,
    );
  }
  if (code === 'NOT_ALLOWED') {
    return wrong(
      `user "${user}" may not use the virtual host "${vhost}" (${text}). Create it (rabbitmqctl add_vhost), give permissions on it (rabbitmqctl set_permissions) or name another in the URL.`,
    );
  }
  if (isCertificateCode(code)) return wrong(`its certificate is not accepted (${text}). ${certificateAdvice}`);
  if (foreignProtocol.test(code)) {
    return wrong(`something else than AMQP answers there (${text}). Check host and port, and amqp:// or amqps://.`);
  }
  return fault(
    'service.unavailable',
    `RabbitMQ at ${place} cannot be reached (${text}). Start it, or correct its URL.`,
    {
      cause: error,
      retryAfterS: 1,
    },
  );
}

/** Why exchange, queues or consumers could not be set up. */
export function explainSetup(error: unknown, { place, user, vhost }: BrokerAddress): AppError {
  const { code, text } = told(error);
  const wrong = (detail: string) => fault('config.invalid', `RabbitMQ at ${place}: ${detail}`, { cause: error });
  if (code === 'ACCESS_REFUSED') {
    return wrong(
      `user "${user}" lacks a permission (${text}). Give it with: rabbitmqctl set_permissions -p ${vhost} ${user} '^stoa' '^stoa' '^stoa'`,
    );
  }
  if (code === 'PRECONDITION_FAILED' || code === 'RESOURCE_LOCKED') {
    return wrong(
      `an exchange or queue of ours exists with other properties (${text}). Delete it once it is empty, or name another virtual host in the URL.`,
    );
  }
  if (code === 'NOT_IMPLEMENTED') return wrong(`it lacks quorum queues (${text}). RabbitMQ 3.10 or later is needed.`);
  return fault('service.unavailable', `RabbitMQ at ${place} could not be set up (${text}).`, {
    cause: error,
    retryAfterS: 1,
  });
}

function told(error: unknown): { readonly code: string; readonly text: string } {
  if (!(error instanceof Error)) return { code: '', text: String(error) };
  const code = String((error as { code?: unknown }).code ?? '');
  // Several addresses of one name, none of which answers: the message of the whole is empty.
  const inner = error instanceof AggregateError ? (error.errors[0] as Error | undefined) : undefined;
  return { code, text: ((inner?.message ?? error.message) || code).replaceAll(/\s+/g, ' ').trim() };
}
