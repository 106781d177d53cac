import type { AwsCaller } from '#stand-ins/kubernetes/verify-identity-request.ts';

/**
 * Reads from the answer of STS who its caller may be from now on.
 * @throws Error naming what the answer lacks.
 */
export function readAssumedRole(xml: string): AwsCaller {
  const read = (element: string): string => {
    const found = new RegExp(`<${element}>([^<]+)</${element}>`, 'u').exec(xml)?.[1];
    if (found === undefined) throw new Error(`answer of STS: ${element} is missing`);
    return found;
  };
  return {
    accessKeyId: read('AccessKeyId'),
    secretAccessKey: read('SecretAccessKey'),
    sessionToken: read('SessionToken'),
    arn: read('Arn'),
  };
}
