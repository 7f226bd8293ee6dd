import type { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { type Credentials, type KeyPair, loadAuthority, readCredentials } from '@stoa/platform/trust';
import { serviceNames } from '@stoa/system';
import { cliError } from '../cli-error.ts';
import { openAuthority } from './open-authority.ts';
import { type State, writeFiles } from './write-files.ts';

export interface WhatToMake {
  /** Services, and `all`; every one unless given. */
  readonly services?: readonly string[];
  readonly hosts: readonly string[];
  readonly days: number;
  readonly renew: boolean;
}

/** What is in the folder now. */
export interface Made {
  readonly authority: { readonly folder: string; readonly state: State; readonly expiresAt: string };
  readonly certificates: readonly MadeCertificate[];
}

export interface MadeCertificate {
  readonly service: string;
  readonly folder: string;
  readonly state: State;
  readonly expiresAt: string;
  readonly names: readonly string[];
}

const dayMs = 86_400_000;
/** Clocks of machines differ: a certificate is good from an hour ago, so that nobody finds it too young. */
const backdatedMs = 3_600_000;
const everywhere = ['localhost', '127.0.0.1', '::1'];
const all = 'all';

/**
 * Makes what is missing in the folder, what is not good any more, and what has less than a third of its life left.
 *
 * @throws CliError `usage` for names that cannot stand in a certificate, `conflict` for an authority that cannot sign
 */
export async function makeCertificates(dir: string, what: WhatToMake): Promise<Made> {
  const services = what.services ?? [...serviceNames, all];
  refuseWrongNames(services, what.hosts);
  const nowMs = Date.now();
  const notBefore = new Date(nowMs - backdatedMs);
  const authority = await openAuthority(join(dir, 'ca'), { notBefore, days: what.days });
  const notAfter = new Date(Math.min(nowMs + what.days * dayMs, authority.expiresAt.getTime()));
  const certificates: MadeCertificate[] = [];
  for (const service of new Set(services)) {
    const folder = join(dir, service);
    const names = [...(service === all ? serviceNames : [service]), ...everywhere, ...what.hosts];
    const known = await readCredentials(folder, { names: [], nowMs });
    const good = !what.renew && 'value' in known && isGood(known.value, { names, authority, nowMs }) && known.value;
    if (good) {
      const expiresAt = good.leaf.validToDate.toISOString();
      certificates.push({ service, folder, state: 'kept', expiresAt, names: namesOf(good.leaf) });
      continue;
    }
    const { issueCertificate } = await loadAuthority();
    const { certificate, key } = await issueCertificate({ authority, names, notBefore, notAfter });
    // Others beside our own were put there to change authorities. Without our own it is a folder of another authority, which may be lost: ours takes its place.
    const believed = 'value' in known && believes(known.value.ca, authority) ? known.value.ca : authority.certificate;
    const state = await writeFiles(folder, {
      'ca.pem': believed,
      'key.pem': key,
      'cert.pem': certificate,
    });
    certificates.push({ service, folder, state, expiresAt: notAfter.toISOString(), names });
  }
  const { folder, state, expiresAt } = authority;
  return { authority: { folder, state, expiresAt: expiresAt.toISOString() }, certificates };
}

function isGood(
  { ca, leaf }: Credentials,
  { names, authority, nowMs }: { names: readonly string[]; authority: KeyPair; nowMs: number },
): boolean {
  const [fromMs, toMs] = [leaf.validFromDate.getTime(), leaf.validToDate.getTime()];
  const isNamed = (name: string) => (isIP(name) ? leaf.checkIP(name) : leaf.checkHost(name)) !== undefined;
  return believes(ca, authority) && names.every(isNamed) && toMs - nowMs > (toMs - fromMs) / 3;
}

/** Whether the authority is among those that are believed. */
function believes(ca: string, { certificate }: KeyPair): boolean {
  return ca.includes(certificate.trim());
}

/** As OpenSSL tells them: `DNS:order, IP Address:127.0.0.1`. */
function namesOf({ subjectAltName = '' }: X509Certificate): string[] {
  return subjectAltName.split(', ').map((name) => name.slice(name.indexOf(':') + 1));
}

const hostName = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/i;

function refuseWrongNames(services: readonly string[], hosts: readonly string[]): void {
  const strange = services.filter((name) => name !== all && !serviceNames.includes(name));
  if (strange.length > 0 || services.length === 0)
    throw cliError(
      'usage',
      `${strange.join(', ') || 'Nothing'} is no service. There are ${serviceNames.join(', ')}, and all.`,
    );
  const unusable = hosts.filter((name) => isIP(name) === 0 && !hostName.test(name));
  if (unusable.length > 0) throw cliError('usage', `${unusable.join(', ')}: not a host name or an address.`);
  // A certificate's names are what its owner may call itself.
  const taken = hosts.filter((name) => serviceNames.includes(name.toLowerCase()));
  if (taken.length > 0)
    throw cliError(
      'usage',
      `${taken.join(', ')}: a host cannot have the name of a service, or each could pass for that one.`,
    );
}
