import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';

/** The files of a folder with certificates, as they are. */
export interface CredentialFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Files that fit together and are good now. */
export interface Credentials extends CredentialFiles {
  readonly leaf: X509Certificate;
  /** When the first of our certificate and those above it ends, in milliseconds since the epoch. */
  readonly expiresAtMs: number;
}

/** Something, or why there is none: a line for each problem, which says what to do. */
export type Found<T> = { readonly value: T } | { readonly problems: readonly string[] };

/** How names are compared: as they stand among the alternative names, without wildcards. */
export const exactName = { subject: 'never', wildcards: false } as const;

const files = { ca: 'ca.pem', cert: 'cert.pem', key: 'key.pem' } as const;

/**
 * Reads ca.pem, cert.pem and key.pem of a folder: whether they fit together, are good at this time and name these services.
 */
export async function readCredentials(
  folder: string,
  { names, nowMs }: { readonly names: readonly string[]; readonly nowMs: number },
): Promise<Found<Credentials>> {
  const read = await readCredentialFiles(folder);
  return 'value' in read ? checkCredentials(read.value, { folder, names, nowMs }) : read;
}

export async function readCredentialFiles(folder: string): Promise<Found<CredentialFiles>> {
  const problems: string[] = [];
  const read = async (file: string): Promise<string> => {
    const path = join(folder, file);
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      problems.push(unreadable(path, error.code));
      return undefined;
    });
    if (text?.trim() === '') problems.push(`${path} is empty: ${makeSome}.`);
    return text ?? '';
  };
  const value = { ca: await read(files.ca), cert: await read(files.cert), key: await read(files.key) };
  if (problems.length === 0) return { value };
  const isEmpty = problems.length === 3 && problems.every((problem) => problem.includes(' is missing: '));
  return {
    problems: isEmpty
      ? [`${folder} holds no ca.pem, cert.pem and key.pem: put them there, or make certificates with npx stoa certs.`]
      : problems,
  };
}

const makeSome = 'put the file there, or make certificates with npx stoa certs';

function unreadable(path: string, code: string | undefined): string {
  if (code === 'ENOENT' || code === 'ENOTDIR') return `${path} is missing: ${makeSome}.`;
  if (code === 'EACCES' || code === 'EPERM') return `${path} may not be read: give this process's user the right to.`;
  return `${path} cannot be read (${code}): ${makeSome}.`;
}

/**
 * Whether files fit together, are good at this time and name these services.
 *
 * @param folder where they came from, for what is told
 */
export function checkCredentials(
  given: CredentialFiles,
  { folder, names, nowMs }: { folder: string; names: readonly string[]; nowMs: number },
): Found<Credentials> {
  const [caPath, certPath, keyPath] = [join(folder, files.ca), join(folder, files.cert), join(folder, files.key)];
  const authorities = certificatesOf(given.ca)?.filter(({ ca }) => ca);
  const [leaf, ...above] = certificatesOf(given.cert) ?? [];
  const key = keyProblem(given.key, leaf);
  const problems = [
    ...(authorities?.length
      ? []
      : [`${caPath} holds no certificate of an authority in PEM: put the one there that signs for this fleet.`]),
    ...(leaf ? [] : [`${certPath} holds no certificate in PEM: ${makeSome}.`]),
    ...(key === undefined ? [] : [`${keyPath} ${key}`]),
  ];
  if (leaf === undefined || !authorities?.length) return { problems };

  const path = wayUp(leaf, above, authorities);
  const missing = names.filter((name) => leaf.checkHost(name, exactName) === undefined);
  const purposes = leaf.keyUsage as readonly string[] | undefined;
  if (path === undefined)
    problems.push(
      `${certPath} is not signed by an authority in ${caPath}: put the one there that signed it, with those above it up to the root.`,
    );
  for (const [index, certificate] of (path ?? [leaf]).entries()) {
    const date = dateProblem(certificate, nowMs);
    if (date) problems.push(`${index === 0 ? certPath : `${certificate.subject} above ${certPath}`} ${date}`);
  }
  if (missing.length > 0)
    problems.push(
      `${certPath} does not name ${missing.join(', ')}: have one issued whose DNS names are the services of this process.`,
    );
  if (purposes !== undefined && !(purposes.includes(serverAuth) && purposes.includes(clientAuth)))
    problems.push(
      `${certPath} is not for servers and clients both (extended key usage): processes call each other, so have one issued for both.`,
    );
  if (problems.length > 0 || path === undefined) return { problems };

  try {
    createSecureContext({ ...given });
  } catch (error) {
    return { problems: [`${folder}: TLS cannot use these files (${(error as Error).message}): have new ones issued.`] };
  }
  return { value: { ...given, leaf, expiresAtMs: Math.min(...path.map(({ validToDate }) => validToDate.getTime())) } };
}

const serverAuth = '1.3.6.1.5.5.7.3.1';
const clientAuth = '1.3.6.1.5.5.7.3.2';

/** Whether there is a way from a certificate, by those that were shown with it, up to one of these authorities. */
export function isSignedUnder(ca: string, leaf: X509Certificate, above: readonly X509Certificate[]): boolean {
  const authorities = certificatesOf(ca)?.filter((certificate) => certificate.ca) ?? [];
  return wayUp(leaf, above, authorities) !== undefined;
}

function wayUp(
  leaf: X509Certificate,
  above: readonly X509Certificate[],
  authorities: readonly X509Certificate[],
): X509Certificate[] | undefined {
  // OpenSSL's own rule: a way ends at an authority that signed itself.
  const roots = authorities.filter((authority) => authority.checkIssued(authority));
  return pathOf(leaf, [...above, ...authorities.filter((authority) => !roots.includes(authority))], roots);
}

/** Undefined when one of them cannot be read. */
function certificatesOf(pem: string): X509Certificate[] | undefined {
  try {
    return [...pem.matchAll(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g)].map(
      ([text]) => new X509Certificate(text),
    );
  } catch {
    return undefined;
  }
}

function keyProblem(pem: string, leaf: X509Certificate | undefined): string | undefined {
  if (/^(?:-----BEGIN ENCRYPTED|Proc-Type: 4,ENCRYPTED)/m.test(pem))
    return 'is locked with a passphrase: store it without one, readable by this process alone.';
  try {
    if (leaf === undefined || leaf.checkPrivateKey(createPrivateKey(pem))) return undefined;
  } catch {
    return `holds no private key in PEM: ${makeSome}.`;
  }
  return 'does not belong to cert.pem beside it: put the key there that the certificate was made with.';
}

/** From a certificate up to a root that is trusted; undefined when there is no way. Of several signers, the one that lasts longest. */
function pathOf(
  from: X509Certificate,
  between: readonly X509Certificate[],
  roots: readonly X509Certificate[],
): X509Certificate[] | undefined {
  const signed = (by: X509Certificate) => from.checkIssued(by) && from.verify(by.publicKey);
  const signers = roots.filter(signed);
  const signer = signers.sort((a, b) => b.validToDate.getTime() - a.validToDate.getTime())[0];
  if (signer) return [from, signer];
  for (const next of between.filter((certificate) => certificate.ca && signed(certificate))) {
    const rest = pathOf(
      next,
      between.filter((other) => other !== next),
      roots,
    );
    if (rest) return [from, ...rest];
  }
  return undefined;
}

function dateProblem({ validFromDate, validToDate }: X509Certificate, nowMs: number): string | undefined {
  if (validToDate.getTime() <= nowMs)
    return `ended at ${validToDate.toISOString()}: have a new one issued (npx stoa certs --renew, for its own).`;
  if (validFromDate.getTime() > nowMs)
    return `is good from ${validFromDate.toISOString()} only: wait until then, or set the clock of this machine.`;
  return undefined;
}
