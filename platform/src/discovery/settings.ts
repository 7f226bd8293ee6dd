import { type Setting, setting, type ValuesOf } from '../config/index.ts';

/** How other processes are found. `STOA_<SERVICE>_URL` is not among them: see `urlSetting`. */
export const discoverySettings = {
  STOA_DISCOVERY: setting.choice(['static', 'dns', 'consul'], {
    default: 'static',
    describe: 'how other processes are found: by settings, by SRV records, or by Consul',
  }),
  STOA_DNS_DOMAIN: setting.optional(
    setting.text({
      describe:
        'services have SRV records _http._tcp.<service>.<this>; where it has a * that is the service and this the whole name',
    }),
  ),
  STOA_DNS_SERVERS: setting.list({
    default: [],
    describe: 'resolvers as address or address:port; those of the machine when empty',
  }),
  STOA_DNS_INTERVAL: setting.durationMs({
    default: 5_000,
    min: 100,
    max: 3_600_000,
    describe: 'how often SRV records are looked up again',
  }),
  STOA_CONSUL_URL: setting.url({
    protocols: ['http', 'https'],
    default: 'http://127.0.0.1:8500',
    describe: "the HTTP API of this machine's Consul agent",
  }),
  STOA_CONSUL_TOKEN: setting.optional(
    setting.text({
      secret: true,
      describe: 'ACL token with service:write for its own services, service:read and node:read for all',
    }),
  ),
};

export type DiscoverySettings = ValuesOf<typeof discoverySettings>;

/** The variable with the URLs of a service's replicas, like `STOA_ORDER_URL`, and how it is read. */
export function urlSetting(service: string, defaultUrl: string): Readonly<Record<string, Setting<readonly string[]>>> {
  return {
    [`STOA_${service.toUpperCase().replaceAll('-', '_')}_URL`]: {
      describe: "base URLs of a service's replicas, separated by commas",
      expects: 'URLs without a path, like http://10.0.0.7:4003, separated by commas',
      secret: false,
      read: readBaseUrls,
      missing: { kind: 'default', value: [new URL(defaultUrl).origin] },
    },
  };
}

function readBaseUrls(text: string): readonly string[] | undefined {
  const origins = text.split(',').map((word) => originOf(word.trim()));
  return origins.includes(undefined) ? undefined : (origins as string[]);
}

function originOf(text: string): string | undefined {
  const url = URL.parse(text);
  const isBase = url?.pathname === '/' && url.search === '' && url.hash === '' && url.username === '';
  return isBase && /^https?:$/.test(url.protocol) ? url.origin : undefined;
}
