import { type Command, InvalidArgumentError } from 'commander';
import { describe, type JsonOption, positiveInteger, printJson, printTable, type Surroundings } from '../command.ts';

interface CertsOptions extends JsonOption {
  readonly services?: readonly string[];
  readonly hosts: readonly string[];
  readonly days: number;
  readonly renew?: boolean;
}

/** A hundred years. */
const daysMax = 36_500;

function days(text: string): number {
  const value = positiveInteger(text);
  if (value > daysMax) throw new InvalidArgumentError(`It can be ${daysMax} at the most.`);
  return value;
}

/** `stoa certs DIR` */
export function addCerts(program: Command, surroundings: Surroundings): void {
  const command = program
    .command('certs')
    .argument('<dir>', 'where they are kept; made when it is missing')
    .summary('make certificates for processes that talk to each other')
    .description(
      'Makes an authority in DIR/ca and, signed by it, a certificate and key for each service in DIR/<service>, and one that names them all in DIR/all: folders for STOA_TLS_DIR. What is there and still good is kept. For development and fleets of one machine: whoever has DIR/ca/ca-key.pem can be any service.',
    )
    .option('--services <names>', 'which, separated by commas; "all" is the one that names them all', words)
    .option('--hosts <names>', 'hosts and addresses to name besides localhost', words, [])
    .option('--days <n>', `how long a certificate is good, up to ${daysMax}`, days, 365)
    .option('--renew', 'make new certificates even where there are good ones, by the same authority');
  describe(command, [
    'certs ./certs',
    'certs ./certs --services order,payment --hosts shop.internal,10.0.0.7',
    'certs ./certs --renew --json',
  ]);
  command.action((dir: string, options: CertsOptions) => certs(dir, options, surroundings));
}

async function certs(dir: string, options: CertsOptions, surroundings: Surroundings): Promise<void> {
  const { makeCertificates } = await import('../certs/make-certificates.ts');
  const made = await makeCertificates(dir, { ...options, renew: options.renew === true });
  if (options.json) return printJson(surroundings, made);
  printTable(
    surroundings,
    ['folder', 'state', 'good until', 'names'],
    [
      [made.authority.folder, made.authority.state, made.authority.expiresAt, ''],
      ...made.certificates.map(({ folder, state, expiresAt, names }) => [folder, state, expiresAt, names.join(' ')]),
    ],
  );
}

function words(text: string): string[] {
  return text
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');
}
