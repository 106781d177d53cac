import { BlockList, isIPv6 } from 'node:net';

/** Where clouds hand out the credentials of the machine to whoever asks. */
const FORBIDDEN = new BlockList();
FORBIDDEN.addSubnet('169.254.0.0', 16);
FORBIDDEN.addSubnet('fe80::', 10, 'ipv6');
FORBIDDEN.addSubnet('fd00:ec2::', 32, 'ipv6');

/** Whether no source is read from this IP address, whoever named it: link-local addresses and those of instance metadata. */
export function isForbiddenAddress(address: string): boolean {
  return FORBIDDEN.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}
