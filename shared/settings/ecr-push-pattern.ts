import type { EcrRegistry } from './settings.ts';

/** Which events of ECR are pushes to the repositories that the settings name, as EventBridge takes it. */
export function ecrPushPattern({ account, region, repositories }: EcrRegistry) {
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
