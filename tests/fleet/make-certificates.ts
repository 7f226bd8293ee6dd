import assert from 'node:assert/strict';
import { TestShop } from '../shop.ts';

/** Makes a certificate a service in a folder, with `stoa certs`. */
export async function makeCertificates(folder: string): Promise<void> {
  const made = await new TestShop(folder, {}).stoa('certs', folder);
  assert.equal(made.code, 0, made.output);
}
