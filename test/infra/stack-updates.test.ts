import * as fc from 'fast-check';
import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';

import { synthesizeTemplate } from '#infra/synthesize-template.ts';
import { findUndeployableSettings } from '#shared/settings/find-undeployable-settings.ts';
import { parseSettings } from '#shared/settings/parse-settings.ts';
import { RESOURCE_FACTS } from '#stand-ins/aws/resource-facts.ts';
import type { DeployedResources, StackStep } from '#stand-ins/aws/update-stack.ts';
import { NOTHING_DEPLOYED, updateStack } from '#stand-ins/aws/update-stack.ts';
import { sampleSize } from '#test/sample-size.ts';

/** A cluster of the settings, as far as a deployment depends on it. */
interface Cluster {
  readonly name: string;
  /** Which EKS cluster it is: a digit. */
  readonly eks: number;
  readonly vpc?: {
    readonly id: number;
    readonly subnets?: readonly number[];
    readonly tables?: readonly number[];
    /** False: a person lets the function in. */
    readonly letIn?: boolean;
  };
  readonly profile?: 'workload';
  readonly roleArn?: string;
}

const hex = (prefix: string, digit: number): string => `${prefix}-0000000${digit}`;

function describeCluster({ name, eks, vpc, profile, roleArn }: Cluster): unknown {
  const network = vpc && {
    id: hex('vpc', vpc.id),
    subnets: (vpc.subnets ?? [vpc.id]).map((subnet) => hex('subnet', subnet)),
    routeTables: (vpc.tables ?? []).map((table) => hex('rtb', table)),
    reachesSts: true,
    ...(vpc.letIn === false ? {} : { clusterSecurityGroup: hex('sg', eks) }),
  };
  return {
    name,
    path: `./clusters/${name}`,
    ...(profile === undefined ? {} : { namespaces: ['apps'] }),
    eks: {
      name: `eks-${eks}`,
      region: 'eu-west-1',
      endpoint: `https://e${eks}.example.com`,
      certificateAuthority: 'AAAA',
      ...(network === undefined ? {} : { vpc: network }),
      ...(profile === undefined ? {} : { profile }),
      ...(roleArn === undefined ? {} : { roleArn }),
    },
  };
}

const templates = new Map<string, Promise<unknown>>();

async function templateOf(...clusters: readonly Cluster[]): Promise<unknown> {
  const file = {
    configRepository: { url: 'https://github.com/acme/fleet-infra' },
    clusters: clusters.map(describeCluster),
  };
  const text = JSON.stringify(file);
  const parsed = parseSettings(text, 'tidegate.yaml');
  if (parsed.outcome === 'invalid') throw new Error(JSON.stringify(parsed.problems));
  expect(findUndeployableSettings(parsed.settings)).toEqual([]);
  const template = templates.get(text) ?? synthesizeTemplate(parsed.settings, 'eu-west-1');
  templates.set(text, template);
  return await template;
}

const Template = z.object({ Resources: z.record(z.string(), z.looseObject({ Type: z.string() })) });

/** A template of this folder: the one that was reviewed, or that of the version before, with the settings of both. */
async function readTemplate(file: string): Promise<z.infer<typeof Template>> {
  return Template.parse(JSON.parse(await readFile(new URL(file, import.meta.url), 'utf8')));
}

async function deploy(...clusters: readonly Cluster[]): Promise<DeployedResources> {
  const { problems, stack } = updateStack(NOTHING_DEPLOYED, await templateOf(...clusters));
  expect(problems).toEqual([]);
  return stack;
}

/** Logical ids without what the CDK adds of a hash: `create Reconcilea…`. */
function stepsOf(steps: readonly StackStep[], kind: RegExp): readonly string[] {
  return steps.filter(({ id }) => kind.test(id)).map(({ does, id }) => `${does} ${id.replace(/[0-9A-F]{8}$/u, '')}`);
}

const PUBLIC: Cluster = { name: 'a', eks: 1 };
const PRIVATE: Cluster = { name: 'b', eks: 2, vpc: { id: 1, tables: [1] } };
/** In the VPC of the one before, on the same route table. */
const BESIDE: Cluster = { name: 'c', eks: 3, vpc: { id: 1, tables: [1] } };
const BESIDE_WITH_OWN_TABLE: Cluster = { name: 'd', eks: 4, vpc: { id: 1, subnets: [4], tables: [4] } };
const BY_HAND: Cluster = { name: 'e', eks: 5, vpc: { id: 5, tables: [5], letIn: false } };

beforeAll(async () => {
  await templateOf(PUBLIC, PRIVATE);
});

describe('a deployment after the settings changed', () => {
  test.each<[string, readonly Cluster[], readonly Cluster[]]>([
    ['a public cluster is added', [PRIVATE], [PUBLIC, PRIVATE]],
    ['a private cluster is added', [PUBLIC], [PUBLIC, PRIVATE]],
    ['a cluster is added on the same route table', [PRIVATE], [PRIVATE, BESIDE]],
    ['a cluster is added in the same VPC, before the one that is there', [PRIVATE], [BESIDE_WITH_OWN_TABLE, PRIVATE]],
    ['a private cluster is renamed', [PUBLIC, PRIVATE], [PUBLIC, { ...PRIVATE, name: 'new' }]],
    ['one of two on a route table is renamed', [PRIVATE, BESIDE], [{ ...PRIVATE, name: 'new' }, BESIDE]],
    ['a private cluster is taken out', [PUBLIC, PRIVATE], [PUBLIC]],
    ['one of two on a route table is taken out', [PRIVATE, BESIDE], [BESIDE]],
    ['one of two in a VPC is taken out', [PRIVATE, BESIDE_WITH_OWN_TABLE], [BESIDE_WITH_OWN_TABLE]],
    ['a cluster becomes private', [PUBLIC], [{ ...PRIVATE, name: PUBLIC.name, eks: PUBLIC.eks }]],
    ['a cluster becomes public', [PUBLIC, PRIVATE], [PUBLIC, { name: PRIVATE.name, eks: PRIVATE.eks }]],
    ['a cluster moves to another VPC', [PRIVATE], [{ ...PRIVATE, vpc: { id: 2, tables: [2] } }]],
    ['a cluster was rebuilt, with another security group', [PRIVATE], [{ ...PRIVATE, eks: 9 }]],
    [
      'two clusters change names',
      [PUBLIC, PRIVATE],
      [
        { ...PUBLIC, name: 'b' },
        { ...PRIVATE, name: 'a' },
      ],
    ],
    ['a cluster gets another profile', [PUBLIC], [{ ...PUBLIC, profile: 'workload' }]],
    ['a role of another account is assumed', [PRIVATE], [{ ...PRIVATE, roleArn: 'arn:aws:iam::210987654321:role/t' }]],
    ['a cluster is let in by hand from now on', [PRIVATE], [{ ...PRIVATE, vpc: { id: 1, tables: [1], letIn: false } }]],
  ])('is carried out, and so is the removal afterwards: %s', async (_, before, after) => {
    const deployed = await deploy(...before);
    const update = updateStack(deployed, await templateOf(...after));
    const removal = updateStack(update.stack);

    expect(update.problems).toEqual([]);
    expect(update.steps.length).toBeGreaterThan(0);
    expect(removal.problems).toEqual([]);
  });

  test('changes nothing when clusters only change places', async () => {
    const deployed = await deploy(PRIVATE, BESIDE_WITH_OWN_TABLE);

    const { steps } = updateStack(deployed, await templateOf(BESIDE_WITH_OWN_TABLE, PRIVATE));

    // The dashboard shows them in their order, and policies list their queues so.
    expect(steps.filter(({ does }) => does !== 'update')).toEqual([]);
  });

  test.each<[string, readonly Cluster[], readonly Cluster[], readonly string[]]>([
    ['left alone by a new name', [PRIVATE], [{ ...PRIVATE, name: 'new' }], []],
    ['left alone when one of two on a route table goes', [PRIVATE, BESIDE], [BESIDE], []],
    [
      'changed when a route table is added',
      [PRIVATE],
      [PRIVATE, BESIDE_WITH_OWN_TABLE],
      ['update Endpointsvpc00000001s3', 'update Endpointsvpc00000001dynamodb'],
    ],
    [
      'changed when one of two in a VPC goes',
      [PRIVATE, BESIDE_WITH_OWN_TABLE],
      [BESIDE_WITH_OWN_TABLE],
      ['update Endpointsvpc00000001s3', 'update Endpointsvpc00000001dynamodb'],
    ],
    [
      'deleted with the last cluster of the VPC',
      [PUBLIC, PRIVATE],
      [PUBLIC],
      ['delete Endpointsvpc00000001dynamodb', 'delete Endpointsvpc00000001s3'],
    ],
  ])('the endpoints of a VPC are %s', async (_, before, after, steps) => {
    const update = updateStack(await deploy(...before), await templateOf(...after));

    expect(stepsOf(update.steps, /Endpoint/u)).toEqual(steps);
  });

  test('the rule that lets a function in goes before its security group, and that before what deletes interfaces', async () => {
    const deployed = await deploy(PUBLIC, PRIVATE);
    const removals = [
      updateStack(deployed, await templateOf(PUBLIC)),
      updateStack(deployed, await templateOf(PUBLIC, { name: PRIVATE.name, eks: PRIVATE.eks })),
      updateStack(deployed),
    ];

    for (const { steps } of removals) {
      expect(stepsOf(steps, /^Reconcileb(?:LetIn|SecurityGroup|WorkerRoleInterfaces)/u)).toEqual([
        'delete ReconcilebLetIn',
        'delete ReconcilebSecurityGroup',
        'delete ReconcilebWorkerRoleInterfaces',
      ]);
    }
  });

  test('a rule made by hand keeps the security group from being deleted, which the stack could not know', async () => {
    const deployed = await deploy(PUBLIC, BY_HAND);
    const group = [...deployed.resources.values()].find(({ type }) => type === 'AWS::EC2::SecurityGroup');
    const rulesByHand = [{ letsIn: `${group?.physicalId}.GroupId` }];

    const withRule = updateStack({ ...deployed, rulesByHand });
    const without = updateStack(deployed);

    expect(withRule.problems).toEqual([
      expect.stringMatching(/^ReconcileeSecurityGroup\w+: cannot be deleted, a rule that somebody made/u),
    ]);
    expect(without.problems).toEqual([]);
  });

  test('the last cluster of a region leaves bucket and secrets, and nothing else', async () => {
    const { steps, problems, stack } = updateStack(await deploy(PRIVATE));

    expect(problems).toEqual([]);
    expect(stack.resources.size).toBe(0);
    expect(steps.filter(({ does }) => does === 'retain')).toHaveLength(3);
    expect(stack.retained.map(({ type }) => type).toSorted()).toEqual([
      'AWS::S3::Bucket',
      'AWS::SecretsManager::Secret',
      'AWS::SecretsManager::Secret',
    ]);
  });

  test('a second installation after the first is stopped by the names of the secrets that the first left', async () => {
    const { stack } = updateStack(await deploy(PUBLIC));

    const { problems } = updateStack(stack, await templateOf(PUBLIC));

    expect(problems).toEqual([
      expect.stringContaining('AWS::SecretsManager::Secret with Name tidegate/github/webhook-secret'),
      expect.stringContaining('AWS::SecretsManager::Secret with Name tidegate/github/private-key'),
    ]);
  });

  test('finds names free again that docs/operations.md says so of, and no others have a fixed one', async () => {
    const { stack } = updateStack(NOTHING_DEPLOYED, await templateOf(PUBLIC, PRIVATE));
    const named = [...stack.resources.values()].filter(
      ({ type, properties }) => properties[RESOURCE_FACTS[type]?.named ?? ''] !== undefined,
    );
    const kept = new Map(named.map(({ type }) => [type, RESOURCE_FACTS[type]?.keepsName ?? 'at once']));

    const rows = (await readFile('docs/operations.md', 'utf8')).split('\n').flatMap((line) => {
      const [, type = '', names = '', free = ''] = line.split('|').map((cell) => cell.trim());
      return type.startsWith('`AWS::') ? [{ type: type.replaceAll('`', ''), names, free }] : [];
    });

    expect(rows.map(({ type }) => type).toSorted()).toEqual([...kept.keys()].toSorted());
    expect(rows.filter(({ type, free }) => !free.includes(kept.get(type) ?? 'unknown'))).toEqual([]);
  });

  test('from the version before is carried out in the two steps that docs/operations.md names, and not in one', async () => {
    const before = await readTemplate('./tidegate-stack-before.template.json');
    const now = await readTemplate('./tidegate-stack.template.json');
    const { stack } = updateStack(NOTHING_DEPLOYED, before);
    const Resources = Object.fromEntries(
      Object.entries(before.Resources).filter(([, { Type }]) => Type !== 'AWS::EC2::VPCEndpoint'),
    );

    const atOnce = updateStack(stack, now);
    const first = updateStack(stack, { ...before, Resources });
    const second = updateStack(first.stack, now);

    expect(atOnce.problems.filter((problem) => problem.includes('there is one already'))).toHaveLength(2);
    expect(first.problems).toEqual([]);
    // The right moves into a policy of its own, which is made before the old one loses it.
    expect(second.problems).toEqual([
      expect.stringMatching(
        /^ReconcileproductionWorkerRoleDefaultPolicy\w+: Lambda needs it for as long as interfaces/u,
      ),
    ]);
    expect(stepsOf(second.steps, /WorkerRole/u)).toEqual(
      expect.arrayContaining(['create ReconcileproductionWorkerRoleInterfaces']),
    );
    expect(second.steps.filter(({ does }) => does === 'retain')).toEqual([]);
    expect(updateStack(second.stack).problems).toEqual([]);
    const kept = ['AWS::DynamoDB::Table', 'AWS::SQS::Queue', 'AWS::S3::Bucket', 'AWS::SecretsManager::Secret'];
    const madeAnew = second.steps.filter(({ does }) => does === 'replace').map(({ id }) => before.Resources[id]?.Type);
    expect(madeAnew.filter((type) => type !== undefined && kept.includes(type))).toEqual([]);
  });

  test('is carried out whatever they were before', async () => {
    const known = [PUBLIC, PRIVATE, BESIDE, BESIDE_WITH_OWN_TABLE, BY_HAND];
    const settings = fc.shuffledSubarray(known, { minLength: 1, maxLength: 4 });
    const history = fc.array(settings, { minLength: 2, maxLength: 3 });

    await fc.assert(
      fc.asyncProperty(history, async ([first = [], ...later]) => {
        let deployed = await deploy(...first);
        for (const clusters of later) {
          const { problems, stack } = updateStack(deployed, await templateOf(...clusters));
          expect(problems).toEqual([]);
          deployed = stack;
        }
        expect(updateStack(deployed).problems).toEqual([]);
      }),
      { numRuns: sampleSize(2, 100) },
    );
  });
});
