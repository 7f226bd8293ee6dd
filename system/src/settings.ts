import { type Environment, readSettings, setting, type ValuesOf } from '@stoa/platform/config';

const described = {
  STOA_DATA_DIR: setting.text({ default: './.stoa', describe: 'Embedded database, keys, mail' }),
  STOA_LOG_LEVEL: setting.choice(['trace', 'debug', 'info', 'warn', 'error', 'silent'], {
    default: 'info',
    describe: 'Least important lines that are logged',
  }),
  STOA_METRICS_PORT: setting.port({ default: 9464, describe: 'Port of /metrics and of health probes' }),
  STOA_METRICS_HOST: setting.text({ default: '127.0.0.1', describe: 'Address of /metrics and of health probes' }),
  STOA_TRACES_PER_SECOND: setting.integer({
    default: 10,
    min: 0,
    max: 100_000,
    describe: 'Requests a second that are traced',
  }),
  STOA_DATABASE_CONNECTIONS: setting.integer({
    default: 60,
    min: 3,
    max: 1_000,
    describe: 'Database connections of all services of this process',
  }),
  STOA_TRANSPORT: setting.text({ default: 'local', describe: 'How messages travel: local, or the URL of a RabbitMQ' }),
  STOA_REDIS_URL: setting.optional(
    setting.url({
      protocols: ['redis', 'rediss'],
      secret: true,
      describe: 'Cache and rate limits that processes share',
    }),
  ),
};

/** What a process has to know to run any set of services. */
export type SystemSettings = ValuesOf<typeof described>;

/** @throws AppError `config.invalid` with a line for everything that is wrong */
export function readSystemSettings(environment: Environment): SystemSettings {
  return readSettings(environment, described);
}
