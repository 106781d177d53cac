import { expect, test } from 'vitest';
import {
  type EnvironmentOf,
  NotifyEnvironment,
  readEnvironment,
  ReconcileEnvironment,
} from '#shared/settings/function-environment.ts';

const reconcile: EnvironmentOf<typeof ReconcileEnvironment> = {
  JOURNAL_TABLE: 'journal',
  ARTIFACT_BUCKET: 'artifacts',
  KUBECTL: '/opt/kubectl/kubectl',
  INSTALLATION: 'default',
  CONFIG_REPOSITORY: 'https://github.com/acme/fleet-infra',
  CONFIG_BRANCH: 'main',
  CLUSTER_NAME: 'production',
  CLUSTER_PATH: './clusters/production',
  PRUNE_MAX_OBJECTS: '5',
  PRUNE_MAX_PERCENT: '12.5',
  APPROVE_PRUNE: '',
  NAMESPACES: '',
  EKS_CLUSTER: 'prod',
  EKS_ENDPOINT: 'https://0123456789ABCDEF.gr7.eu-west-1.eks.amazonaws.com',
  EKS_CERTIFICATE_AUTHORITY: 'LS0tLS1CRUdJTg==',
  EKS_ROLE_ARN: '',
};

test('an environment is read with its numbers, and what is set to nothing is absent', () => {
  const environment = readEnvironment(ReconcileEnvironment, { ...reconcile, PATH: '/usr/bin' });

  expect(environment).toMatchObject({ PRUNE_MAX_OBJECTS: 5, PRUNE_MAX_PERCENT: 12.5, CLUSTER_NAME: 'production' });
  expect(environment.APPROVE_PRUNE).toBeUndefined();
  expect(environment.NAMESPACES).toBeUndefined();
  expect(environment.EKS_ROLE_ARN).toBeUndefined();
});

test('a share is read however JavaScript writes the number', () => {
  const { PRUNE_MAX_PERCENT } = readEnvironment(ReconcileEnvironment, {
    ...reconcile,
    PRUNE_MAX_PERCENT: String(1e-7),
  });

  expect(PRUNE_MAX_PERCENT).toBe(1e-7);
});

test('namespaces are read as a list', () => {
  const { NAMESPACES } = readEnvironment(ReconcileEnvironment, { ...reconcile, NAMESPACES: 'apps,team-b' });

  expect(NAMESPACES).toEqual(['apps', 'team-b']);
});

test('fails naming every variable that is missing or malformed, and quotes no value', () => {
  const { KUBECTL: _, ...rest } = reconcile;

  const read = (): unknown => readEnvironment(ReconcileEnvironment, { ...rest, PRUNE_MAX_OBJECTS: 'many' });

  expect(read).toThrow('environment variables KUBECTL, PRUNE_MAX_OBJECTS are missing or malformed');
  expect(read).not.toThrow('many');
});

test('a stack that forgets or misspells a variable does not compile', () => {
  const complete = {
    JOURNAL_TABLE: 'journal',
    SOURCE_SYNC_QUEUE_URL: 'https://a',
    IMAGE_UPDATE_QUEUE_URL: 'https://b',
  };
  complete satisfies EnvironmentOf<typeof NotifyEnvironment>;

  // @ts-expect-error IMAGE_UPDATE_QUEUE_URL is forgotten
  const forgotten = { JOURNAL_TABLE: 'j', SOURCE_SYNC_QUEUE_URL: 'https://a' } satisfies EnvironmentOf<
    typeof NotifyEnvironment
  >;
  // @ts-expect-error QUEUE_URL is not read by the function
  const misspelt = { ...complete, QUEUE_URL: 'https://a' } satisfies EnvironmentOf<typeof NotifyEnvironment>;

  expect(Object.keys(NotifyEnvironment)).toEqual(Object.keys(complete));
  expect([Object.keys(forgotten), Object.keys(misspelt)]).not.toContainEqual(Object.keys(NotifyEnvironment));
});
