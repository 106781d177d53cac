import { expect, test } from 'vitest';

import {
  AwsEnvironment,
  type EnvironmentOf,
  NotifyEnvironment,
  readEnvironment,
  ReconcileEnvironment,
} from '#shared/settings/function-environment.ts';

const reconcile: EnvironmentOf<typeof ReconcileEnvironment> = {
  JOURNAL_TABLE: 'journal',
  ARTIFACT_BUCKET: 'artifacts',
  KUBECTL: '/opt/kubectl/kubectl',
};

test('an environment is read as far as it is known', () => {
  expect(readEnvironment(ReconcileEnvironment, { ...reconcile, PATH: '/usr/bin' })).toEqual(reconcile);
});

test('what Lambda sets only sometimes may be absent', () => {
  const { AWS_SESSION_TOKEN } = readEnvironment(AwsEnvironment, {
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'a',
    AWS_SECRET_ACCESS_KEY: 'b',
  });

  expect(AWS_SESSION_TOKEN).toBeUndefined();
});

test('fails naming every variable that is missing or malformed, and quotes no value', () => {
  const { KUBECTL: _, ...rest } = reconcile;

  const read = (): unknown => readEnvironment(ReconcileEnvironment, { ...rest, JOURNAL_TABLE: '', NAMED: 'many' });

  expect(read).toThrow('environment variables JOURNAL_TABLE, KUBECTL are missing or malformed');
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
