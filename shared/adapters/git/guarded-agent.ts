import { lookup, type LookupAddress, type LookupOptions } from 'node:dns';
import { isIP } from 'node:net';
import { Agent } from 'undici';

import { TidegateError } from '#shared/common/tidegate-error.ts';

import { isForbiddenAddress } from './is-forbidden-address.ts';

type Found = (error: Error | null, address: string | LookupAddress[], family?: number) => void;

/** Connects to whatever a name stands for at that moment, unless one of its addresses is forbidden. */
export const guardedAgent = new Agent({
  connect: {
    lookup(hostname: string, options: LookupOptions, found: Found) {
      lookup(hostname, { ...options, all: true }, (error, addresses) => {
        const forbidden = addresses?.find(({ address }) => isForbiddenAddress(address));
        const [first] = addresses ?? [];
        if (error !== null) found(error, []);
        else if (forbidden !== undefined) found(refusal(hostname), []);
        else if (options.all === true || first === undefined) found(null, addresses);
        else found(null, first.address, first.family);
      });
    },
  },
});

/**
 * Refuses an address that is written as such, which no name is looked up for.
 * @throws TidegateError `URLInvalid` (stall).
 */
export function refuseForbiddenHost(url: URL): void {
  const host = url.hostname.replace(/^\[|\]$/gu, '');
  if (isIP(host) !== 0 && isForbiddenAddress(host)) throw refusal(url.hostname);
}

function refusal(host: string): TidegateError {
  return new TidegateError(
    'URLInvalid',
    `host ${host} has a link-local or metadata address; sources are not read from there`,
    { disposition: 'stall', subject: host },
  );
}
