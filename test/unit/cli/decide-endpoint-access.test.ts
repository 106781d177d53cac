import { describe, expect, it } from 'vitest';

import { decideEndpointAccess } from '#cli/decide-endpoint-access.ts';
import type { EksNetwork } from '#shared/ports/describe-eks-cluster.ts';

function networkWith(access: Partial<EksNetwork>): EksNetwork {
  const usual = { publicAccess: true, publicAccessCidrs: ['0.0.0.0/0'], privateAccess: false };
  return { vpc: 'vpc-0123456789abcdef0', subnets: ['subnet-0123456789abcdef0'], ...usual, ...access };
}

describe('from where the function of a cluster reaches its API server', () => {
  it.each<[string, Partial<EksNetwork>]>([
    ['as EKS makes it unless told otherwise', {}],
    ['of a dual-stack cluster', { publicAccessCidrs: ['0.0.0.0/0', '::/0'] }],
    ['open to all beside a private endpoint', { privateAccess: true }],
    ['open to all, with an office on the list too', { publicAccessCidrs: ['203.0.113.0/24', '0.0.0.0/0'] }],
  ])('from the internet: %s', (_, access) => {
    expect(decideEndpointAccess(networkWith(access))).toEqual({ outcome: 'public' });
  });

  it.each<[string, Partial<EksNetwork>]>([
    ['no public endpoint', { publicAccess: false, publicAccessCidrs: [] }],
    ['no public endpoint, its old list kept', { publicAccess: false }],
    ['a public endpoint for an office', { publicAccessCidrs: ['203.0.113.0/24'] }],
    ['a public endpoint for IPv6 alone, which functions outside a VPC do not speak', { publicAccessCidrs: ['::/0'] }],
    ['a public endpoint for nobody', { publicAccessCidrs: [] }],
  ])('from its VPC: %s', (_, access) => {
    const network = networkWith({ ...access, privateAccess: true });

    expect(decideEndpointAccess(network)).toEqual({ outcome: 'private', network });
  });

  it.each<[string, Partial<EksNetwork>, string]>([
    [
      'a list',
      { publicAccessCidrs: ['203.0.113.0/24', '198.51.100.7/32'] },
      '203.0.113.0/24, 198.51.100.7/32 only and',
    ],
    ['an empty list', { publicAccessCidrs: [] }, 'has a public endpoint for nobody only and no private one'],
    ['no endpoint that it says of', { publicAccess: false }, 'has no public and no private one'],
    ['a VPC that is not known', { publicAccess: false, privateAccess: true, vpc: '' }, 'and no private one'],
  ])('from nowhere: %s', (_, access, reason) => {
    expect(decideEndpointAccess(networkWith(access))).toEqual({
      outcome: 'unreachable',
      reason: expect.stringContaining(reason),
    });
  });
});
