import { lookup as resolve, type LookupAddress } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { AmendsError } from '../../errors.ts';

/** Not of the public internet: this machine, private networks, the metadata services of clouds, and what leads there by another spelling. */
const PRIVATE: readonly (readonly [net: string, prefix: number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['168.63.129.16', 32], // a public number, and in Azure the host's own agent
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
  ['::', 96],
  ['::ffff:0:0', 96],
  ['::ffff:0:0:0', 96],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['2001::', 32],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
];

const lists = { 4: new BlockList(), 6: new BlockList() } as const;
for (const [net, prefix] of PRIVATE) {
  if (net.includes(':')) lists[6].addSubnet(net, prefix, 'ipv6');
  else lists[4].addSubnet(net, prefix, 'ipv4');
}

export function isPublic(address: string): boolean {
  const family = isIP(address);
  if (family === 4) return !lists[4].check(address, 'ipv4');
  return family === 6 && !lists[6].check(address.replace(/%.*$/, ''), 'ipv6');
}

/** @param isFinal no other answer is to come, as there may be for a name */
export function refused(host: string, isFinal: boolean): AmendsError {
  const message = `${host} is not on the public internet, and alerts are not sent there: give allowPrivate: true if it is meant`;
  return new AmendsError('NOT_ALLOWED', message, { details: { isFinal } });
}

/** Resolves names for a connection, and refuses one of which any address is private: what was checked is what is connected to. */
export const publicLookup: LookupFunction = (host, options, done) => {
  resolve(host, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
    if (error !== null) return done(error, '', 0);
    if (addresses.length === 0 || !addresses.every(({ address }) => isPublic(address))) return done(refused(host, false), '', 0);
    if (options.all === true) return done(null, addresses);
    return done(null, addresses[0]!.address, addresses[0]!.family);
  });
};
