import type { EksNetwork } from '#shared/ports/describe-eks-cluster.ts';

/** From where the function of a cluster reaches its API server, or why from nowhere. */
export type EndpointAccess =
  | { readonly outcome: 'public' }
  | { readonly outcome: 'private'; readonly network: EksNetwork }
  | { readonly outcome: 'unreachable'; readonly reason: string };

/** A function that is in no VPC has addresses that nobody knows beforehand, and they are IPv4: `::/0` lets none of them in. */
const EVERYBODY = '0.0.0.0/0';

/**
 * Decides whether a cluster is to be reached from its VPC. A public endpoint with a list of whom it lets in
 * (`publicAccessCidrs`) is none to a function; nor is a private one that is switched off to a VPC.
 * https://docs.aws.amazon.com/eks/latest/APIReference/API_VpcConfigResponse.html
 */
export function decideEndpointAccess(network: EksNetwork): EndpointAccess {
  const { publicAccess, privateAccess, publicAccessCidrs, vpc } = network;
  if (publicAccess && publicAccessCidrs.includes(EVERYBODY)) return { outcome: 'public' };
  if (privateAccess && vpc !== '') return { outcome: 'private', network };
  const found = publicAccess ? `a public endpoint for ${publicAccessCidrs.join(', ') || 'nobody'} only` : 'no public';
  return {
    outcome: 'unreachable',
    reason: `has ${found} and no private one; allowed: public access for ${EVERYBODY}, as the addresses of functions are not known beforehand, or private access`,
  };
}
