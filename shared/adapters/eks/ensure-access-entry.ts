import { CreateAccessEntryCommand, DescribeAccessEntryCommand, UpdateAccessEntryCommand } from '@aws-sdk/client-eks';

import { classifyAwsFailure, nameAwsFailure } from '#shared/adapters/aws/classify-aws-failure.ts';
import { TidegateError } from '#shared/common/tidegate-error.ts';

import { createEksClient } from './create-eks-client.ts';

/** Whom to let into which cluster, as whom. */
export interface AccessEntryRequest {
  readonly region: string;
  /** The cluster's name in EKS. */
  readonly name: string;
  /** `arn:aws:iam::123456789012:role/tidegate-production`. */
  readonly principalArn: string;
  readonly group: string;
}

/**
 * Makes the access entry of a role, or puts the group of the one that is there right; called again it changes nothing.
 * @returns what became of it.
 * @throws TidegateError `AccessEntryRefused` (stall).
 */
export async function ensureAccessEntry(request: AccessEntryRequest): Promise<'made' | 'changed' | 'there'> {
  const { region, name: clusterName, principalArn, group } = request;
  const client = createEksClient(region);
  const entry = { clusterName, principalArn, kubernetesGroups: [group] };
  try {
    if (await create()) return 'made';
    const { accessEntry } = await client.send(new DescribeAccessEntryCommand({ clusterName, principalArn }));
    const groups = accessEntry?.kubernetesGroups ?? [];
    if (groups.length === 1 && groups[0] === group) return 'there';
    await client.send(new UpdateAccessEntryCommand(entry));
    return 'changed';
  } catch (error) {
    throw explainFailure(request, error);
  } finally {
    client.destroy();
  }

  async function create(): Promise<boolean> {
    try {
      await client.send(new CreateAccessEntryCommand({ ...entry, type: 'STANDARD' }));
      return true;
    } catch (error) {
      if (nameAwsFailure(error) === 'ResourceInUseException') return false;
      throw error;
    }
  }
}

function explainFailure({ region, name, principalArn }: AccessEntryRequest, cause: unknown): TidegateError {
  const word = nameAwsFailure(cause);
  const subject = `access entry of ${principalArn} in EKS cluster ${name} in ${region}`;
  const message =
    classifyAwsFailure(cause) === 'denied'
      ? `${subject} may not be made (${word}): use credentials with eks:CreateAccessEntry, eks:DescribeAccessEntry and eks:UpdateAccessEntry`
      : `${subject} could not be made (${word}${cause instanceof Error ? `: ${cause.message}` : ''})`;
  return new TidegateError('AccessEntryRefused', message, { disposition: 'stall', subject, cause });
}
