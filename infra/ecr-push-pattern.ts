import type { EventPattern } from 'aws-cdk-lib/aws-events';
import type { EcrRegistry } from '#shared/settings/settings.ts';

/** Which events of ECR are pushes to the repositories that the settings name. */
export function ecrPushPattern({ account, region, repositories }: EcrRegistry): EventPattern {
  return {
    source: ['aws.ecr'],
    detailType: ['ECR Image Action'],
    account: [account],
    region: [region],
    detail: {
      result: ['SUCCESS'],
      'action-type': ['PUSH'],
      ...(repositories.includes('*') ? {} : { 'repository-name': repositories.map(toMatcher) }),
    },
  };
}

function toMatcher(repository: string): string | { readonly prefix: string } {
  return repository.endsWith('*') ? { prefix: repository.slice(0, -1) } : repository;
}
