import { createHash, createPrivateKey, randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import * as asn1 from 'asn1js';
import {
  AttributeTypeAndValue,
  AuthorityKeyIdentifier,
  BasicConstraints,
  Certificate,
  Extension,
  ExtKeyUsage,
  GeneralName,
  GeneralNames,
  Time,
} from 'pkijs';

/** A certificate and its private key, both in PEM. */
export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

export interface Validity {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** What a certificate may be shown as. */
export type Purpose = 'server' | 'client';

export interface ToIssue extends Validity {
  readonly authority: KeyPair;
  /** Of services and hosts; addresses too. The first is the common name. */
  readonly names: readonly string[];
  /** Both unless given: processes of a fleet call each other. */
  readonly purposes?: readonly Purpose[];
}

type Pair = webcrypto.CryptoKeyPair;

const { subtle } = webcrypto;
const algorithm = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const ids = {
  commonName: '2.5.4.3',
  subjectKey: '2.5.29.14',
  keyUsage: '2.5.29.15',
  names: '2.5.29.17',
  constraints: '2.5.29.19',
  authorityKey: '2.5.29.35',
  purposes: '2.5.29.37',
} as const;
const purposeIds: Readonly<Record<Purpose, string>> = { server: '1.3.6.1.5.5.7.3.1', client: '1.3.6.1.5.5.7.3.2' };
/** Bits of the extension key usage, from RFC 5280 §4.2.1.3. */
const usage = { digitalSignature: { byte: 0x80, unused: 7 }, signsCertificatesAndLists: { byte: 0x06, unused: 1 } };

/** Makes an authority of its own, ECDSA P-256. It signs certificates of processes, no other authorities. */
export async function createAuthority({ name, ...validity }: Validity & { readonly name: string }): Promise<KeyPair> {
  const pair = await newPair();
  const certificate = await begin(validity, [name], pair);
  certificate.issuer = certificate.subject;
  certificate.extensions?.push(
    extension(ids.constraints, new BasicConstraints({ cA: true, pathLenConstraint: 0 }).toSchema(), 'critical'),
    keyUsage(usage.signsCertificatesAndLists),
  );
  return finish(certificate, pair, pair.privateKey);
}

/** Makes a key and a certificate of an authority for it, ECDSA P-256. */
export async function issueCertificate({ authority, names, purposes, ...validity }: ToIssue): Promise<KeyPair> {
  const pair = await newPair();
  const certificate = await begin(validity, names, pair);
  const issuer = Certificate.fromBER(bytesOf(authority.certificate));
  certificate.issuer = issuer.subject;
  const issuerKey = issuer.subjectPublicKeyInfo.subjectPublicKey.valueBlock.valueHexView;
  certificate.extensions?.push(
    extension(ids.authorityKey, new AuthorityKeyIdentifier({ keyIdentifier: keyIdentifier(issuerKey) }).toSchema()),
    keyUsage(usage.digitalSignature),
    extension(
      ids.purposes,
      new ExtKeyUsage({ keyPurposes: (purposes ?? ['server', 'client']).map((name) => purposeIds[name]) }).toSchema(),
    ),
    extension(ids.names, new GeneralNames({ names: names.map(generalName) }).toSchema()),
  );
  const der = createPrivateKey(authority.key).export({ type: 'pkcs8', format: 'der' });
  return finish(certificate, pair, await subtle.importKey('pkcs8', der, algorithm, false, ['sign']));
}

function newPair(): Promise<Pair> {
  return subtle.generateKey(algorithm, true, ['sign', 'verify']);
}

/** What every certificate has. */
async function begin({ notBefore, notAfter }: Validity, names: readonly string[], pair: Pair): Promise<Certificate> {
  const certificate = new Certificate();
  certificate.version = 2;
  // 16 bytes; positive and without a leading zero.
  const serial = randomBytes(16);
  serial[0] = ((serial[0] as number) & 0x3f) | 0x40;
  certificate.serialNumber = new asn1.Integer({ valueHex: exactly(serial) });
  // 64 characters are all that a common name may have; who checks names looks at the extension.
  const value = new asn1.Utf8String({ value: (names[0] as string).slice(0, 64) });
  certificate.subject.typesAndValues.push(new AttributeTypeAndValue({ type: ids.commonName, value }));
  certificate.notBefore = timeOf(notBefore);
  certificate.notAfter = timeOf(notAfter);
  await certificate.subjectPublicKeyInfo.importKey(pair.publicKey);
  const key = certificate.subjectPublicKeyInfo.subjectPublicKey.valueBlock.valueHexView;
  certificate.extensions = [extension(ids.subjectKey, keyIdentifier(key))];
  return certificate;
}

async function finish(certificate: Certificate, pair: Pair, signingKey: webcrypto.CryptoKey): Promise<KeyPair> {
  await certificate.sign(signingKey, 'SHA-256');
  const key = Buffer.from(await subtle.exportKey('pkcs8', pair.privateKey));
  return { certificate: pem('CERTIFICATE', certificate.toSchema(true).toBER()), key: pem('PRIVATE KEY', key) };
}

function extension(id: string, value: asn1.BaseBlock, critical?: 'critical'): Extension {
  return new Extension({ extnID: id, critical: critical === 'critical', extnValue: value.toBER(false) });
}

function keyUsage({ byte, unused }: { byte: number; unused: number }): Extension {
  const bits = new asn1.BitString({ valueHex: new Uint8Array([byte]).buffer, unusedBits: unused });
  return extension(ids.keyUsage, bits, 'critical');
}

/** RFC 5280 §4.2.1.2, the first way: by it, an authority is found among several of one name. */
function keyIdentifier(key: Uint8Array): asn1.OctetString {
  return new asn1.OctetString({ valueHex: exactly(createHash('sha1').update(key).digest()) });
}

function generalName(name: string): GeneralName {
  const version = isIP(name);
  if (version === 0) return new GeneralName({ type: 2, value: name });
  return new GeneralName({ type: 7, value: new asn1.OctetString({ valueHex: addressBytes(name, version) }) });
}

function addressBytes(address: string, version: number): ArrayBuffer {
  if (version === 4) return exactly(Buffer.from(address.split('.').map(Number)));
  // The URL parser writes the last 32 bits in hexadecimal too, and the longest run of zeros as `::`.
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const groups = (text: string) => text.split(':').filter((group) => group !== '');
  const before = groups(head);
  const after = groups(tail ?? '');
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0');
  const all = [...before, ...zeros, ...after];
  return exactly(Buffer.from(all.map((group) => group.padStart(4, '0')).join(''), 'hex'));
}

/** UTCTime ends with 2049. */
function timeOf(value: Date): Time {
  return new Time({ type: value.getUTCFullYear() < 2050 ? 0 : 1, value });
}

function exactly(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}

function bytesOf(text: string): ArrayBuffer {
  return exactly(Buffer.from(text.replace(/-----[^-]+-----|\s/g, ''), 'base64'));
}

function pem(label: string, bytes: ArrayBuffer | Uint8Array): string {
  const lines = Buffer.from(new Uint8Array(bytes))
    .toString('base64')
    .replace(/.{64}(?=.)/g, '$&\n');
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`;
}
