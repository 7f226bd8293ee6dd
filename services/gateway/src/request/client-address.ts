import { BlockList, isIP } from 'node:net';

/** Knows which peers are our own proxies, and reads the client's address out of what they tell. */
export interface Proxies {
  isTrusted(peer: string): boolean;
  /** The last address in the chain that is not one of ours. */
  clientAddress(peer: string, forwardedFor: string | undefined): string;
}

/**
 * @param trusted addresses and networks (`10.0.0.0/8`, `fd00::/8`, `127.0.0.1`)
 * @throws Error naming what is neither
 */
export function createProxies(trusted: readonly string[]): Proxies {
  const list = new BlockList();
  for (const entry of trusted) {
    const [address = '', bits] = entry.split('/');
    const version = isIP(address);
    if (version === 0 || (bits !== undefined && !/^\d{1,3}$/.test(bits)))
      throw new Error(`"${entry}" is not an address or network`);
    const family = version === 6 ? 'ipv6' : 'ipv4';
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  const none = trusted.length === 0;
  const isTrusted = (peer: string) => !none && isIP(peer) !== 0 && list.check(peer, isIP(peer) === 6 ? 'ipv6' : 'ipv4');

  return {
    isTrusted: (peer) => isTrusted(plainAddress(peer)),
    clientAddress(peer, forwardedFor) {
      let client = plainAddress(peer);
      if (forwardedFor === undefined) return client;
      // From the right: each entry was written by the hop after it, so it counts only while that hop is ours.
      for (const entry of forwardedFor.split(',').reverse()) {
        if (!isTrusted(client)) return client;
        const address = plainAddress(entry.trim());
        if (isIP(address) === 0) return client;
        client = address;
      }
      return client;
    },
  };
}

/** IPv4 in its own form, also when a dual-stack socket shows it as IPv6. */
function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}
