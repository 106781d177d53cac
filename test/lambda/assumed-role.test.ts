import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type AwsDemoEnvironment, startAwsEnvironment } from '#demo/aws-environment.ts';
import { KUSTOMIZATIONS } from '#demo/step-context.ts';
import { synthesize } from '#test/infra/synthesize.ts';

const ROLE = 'arn:aws:iam::210987654321:role/tidegate-clusters';
const SESSION = 'arn:aws:sts::210987654321:assumed-role/tidegate-clusters/tidegate-my-cluster';

describe('the bundle of reconcile, where the cluster is of another account', () => {
  let environment: AwsDemoEnvironment;

  beforeAll(async () => {
    environment = await startAwsEnvironment({ synthesize, roleArn: ROLE, tickSeconds: 3_600 });
    letIn();
    await environment.installation.start();
  });
  afterAll(() => environment?.close());

  /** As the command does that the stack prints for the administrator of the other account. */
  function letIn(): void {
    const command = Object.values(environment.aws.stack.outputs).find((text) =>
      text.startsWith('aws eks create-access-entry'),
    );
    const [, principalArn = '', group = ''] =
      /--principal-arn (\S+) --kubernetes-groups (\S+)/u.exec(command ?? '') ?? [];
    environment.tokenWebhook.addAccessEntry({ principalArn, kubernetesGroups: [group] });
  }

  /** Asks STS for a role with the credentials of a function. */
  async function assumeAs(id: string, RoleArn: string): Promise<unknown> {
    const { aws, moto } = environment;
    const { caller } = aws.functionOf(id);
    const client = new STSClient({ endpoint: aws.gate.url, region: moto.region, credentials: caller });
    try {
      return await client.send(new AssumeRoleCommand({ RoleArn, RoleSessionName: 'test' }));
    } finally {
      client.destroy();
    }
  }

  it('deploys what is there', async () => {
    const head = await environment.user.readHead();
    const readStates = async () => {
      const statuses = await environment.user.readStatuses(head);
      return KUSTOMIZATIONS.map(
        (name) => statuses.get(`tidegate/${environment.clusterName}/flux-system/${name}`)?.state,
      );
    };

    const wanted = KUSTOMIZATIONS.map(() => 'success');
    await expect.poll(readStates, { timeout: 50_000, interval: 200 }).toEqual(wanted);
  });

  it('writes to it as a session of the role of that account, and as nobody else', async () => {
    const writes = (await environment.cluster.readAuditLog()).filter(
      ({ verb, userAgent }) => verb === 'patch' && userAgent.startsWith('tidegate/'),
    );

    expect(writes.map(({ namespace, resource, name }) => `${namespace} ${resource}/${name}`)).toEqual(
      expect.arrayContaining(['cache deployments/cache', 'podinfo deployments/podinfo']),
    );
    expect(new Set(writes.map(({ user }) => user))).toEqual(new Set([SESSION]));
    for (const { groups } of writes) expect(groups).toEqual(['tidegate:platform', 'system:authenticated']);
    expect(environment.aws.description.accessEntries).toEqual([]);
    expect(environment.tokenWebhook.refusals()).toEqual([]);
    expect(environment.tokenWebhook.accepted()).toBeGreaterThan(0);
  });

  it('gets that session from STS, which its own role allows it and no other function', async () => {
    const { gate, functions } = environment.aws;
    const assuming = functions.filter(({ description }) => gate.actionsOf(description.id).includes('sts:AssumeRole'));

    expect(assuming).toEqual([environment.aws.functionOf('Reconcile')]);
    expect(gate.refusals()).toEqual([]);
    const requests = await environment.moto.countRequests();
    // Lambda asks once for each function.
    expect(requests['POST /']).toBeGreaterThan(functions.length);
  });

  it.each([
    ['Reconcile', 'arn:aws:iam::210987654321:role/administrator'],
    ['SourceSync', ROLE],
    ['ImageUpdate', ROLE],
    ['Notify', ROLE],
    ['Webhook', ROLE],
  ])('%s may not assume %s', async (id, role) => {
    await expect(assumeAs(id, role)).rejects.toMatchObject({ name: 'AccessDenied' });

    const { description } = environment.aws.functionOf(id);
    expect(environment.aws.gate.refusals().at(-1)).toBe(`${description.id} may not sts:AssumeRole on ${role}`);
  });
});
