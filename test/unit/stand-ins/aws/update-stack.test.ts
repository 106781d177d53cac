import { describe, expect, it } from 'vitest';

import type { StackUpdate } from '#stand-ins/aws/update-stack.ts';
import { NOTHING_DEPLOYED, updateStack } from '#stand-ins/aws/update-stack.ts';

type Resources = Readonly<Record<string, object>>;

/** Deploys one template after the other; undefined deletes the stack. */
function deploy(...templates: readonly (Resources | undefined)[]): StackUpdate {
  return templates.reduce<StackUpdate>(
    ({ stack }, resources) => updateStack(stack, resources && { Resources: resources }),
    { steps: [], problems: [], stack: NOTHING_DEPLOYED },
  );
}

const steps = (update: StackUpdate): readonly string[] => update.steps.map(({ does, id }) => `${does} ${id}`);

const queue = (QueueName?: string, more: object = {}): object => ({
  Type: 'AWS::SQS::Queue',
  Properties: QueueName === undefined ? {} : { QueueName },
  ...more,
});
const endpoint = (...RouteTableIds: readonly string[]): object => ({
  Type: 'AWS::EC2::VPCEndpoint',
  Properties: { ServiceName: 'com.amazonaws.eu-west-1.s3', RouteTableIds },
});
const group = (GroupDescription = 'a', more: object = {}): object => ({
  Type: 'AWS::EC2::SecurityGroup',
  Properties: { GroupDescription },
  ...more,
});
const worker = (isIn?: string): object => ({
  Type: 'AWS::Lambda::Function',
  Properties: {
    Role: { 'Fn::GetAtt': ['Role', 'Arn'] },
    ...(isIn === undefined ? {} : { VpcConfig: { SecurityGroupIds: [{ 'Fn::GetAtt': [isIn, 'GroupId'] }] } }),
  },
});
const rule = (letsIn: string): object => ({
  Type: 'AWS::EC2::SecurityGroupIngress',
  Properties: { GroupId: 'sg-1', FromPort: 443, SourceSecurityGroupId: { 'Fn::GetAtt': [letsIn, 'GroupId'] } },
});
const ROLE = { Type: 'AWS::IAM::Role' };
const policy = (...actions: readonly string[]): object => ({
  Type: 'AWS::IAM::Policy',
  Properties: { PolicyName: 'p', Roles: [{ Ref: 'Role' }], PolicyDocument: { Statement: [{ Action: actions }] } },
});

describe('the order of a deployment', () => {
  it('adds what is referred to first, and deletes it last', () => {
    const resources = { Rule: rule('Group'), Worker: worker('Group'), Role: ROLE, Group: group() };

    expect(steps(deploy(resources))).toEqual(['create Group', 'create Rule', 'create Role', 'create Worker']);
    expect(steps(deploy(resources, undefined))).toEqual([
      'delete Worker',
      'delete Role',
      'delete Rule',
      'delete Group',
    ]);
  });

  it('makes anew what cannot be changed, and what names it follows, before the old one is deleted', () => {
    const before = { Group: group('a'), Rule: rule('Group'), Role: ROLE, Worker: worker('Group') };

    expect(steps(deploy(before, { ...before, Group: group('b') }))).toEqual([
      'replace Group',
      'replace Rule',
      'update Worker',
      'delete Rule',
      'delete Group',
    ]);
  });

  it('changes nothing where nothing is different', () => {
    expect(steps(deploy({ Queue: queue('a') }, { Queue: queue('a') }))).toEqual([]);
  });

  it('leaves what is to be kept, and its name with it', () => {
    const kept = { Queue: queue('a', { DeletionPolicy: 'Retain' }), Other: queue() };
    const update = deploy(kept, { Other: queue() }, { Other: queue(), Again: queue('a') });

    expect(steps(deploy(kept, { Other: queue() }))).toEqual(['retain Queue']);
    expect(update.problems).toEqual([expect.stringMatching(/^Again: there is one already, Queue: .*QueueName a$/u)]);
  });
});

describe('what AWS refuses', () => {
  it.each<[string, readonly (Resources | undefined)[], RegExp]>([
    ['a name under another logical id', [{ Old: queue('a') }, { New: queue('a') }], /^New: there is one already, Old/u],
    [
      'a name that is kept by what is made anew',
      [{ Queue: queue('a.fifo') }, { Queue: { ...queue(), Properties: { QueueName: 'a.fifo', FifoQueue: true } } }],
      /^Queue: there is one already, Queue/u,
    ],
    [
      'a second endpoint on a route table',
      [{ Old: endpoint('rtb-1', 'rtb-2') }, { New: endpoint('rtb-2') }],
      /^New: there is one already, Old: .*RouteTableIds rtb-2/u,
    ],
    [
      'a route table that another endpoint of the service has',
      [
        { A: endpoint('rtb-1'), B: endpoint('rtb-2') },
        { A: endpoint('rtb-1', 'rtb-2'), B: endpoint('rtb-2') },
      ],
      /^A: there is one already, B/u,
    ],
    [
      'a rule twice',
      [
        { Group: group(), Rule: rule('Group') },
        { Group: group(), Same: rule('Group') },
      ],
      /^Same: there is one already, Rule/u,
    ],
    [
      'a second policy of a name, which goes with the first',
      [
        { Role: ROLE, Old: policy('a') },
        { Role: ROLE, New: policy('a') },
      ],
      /^New: there is one already, Old/u,
    ],
    [
      'the loss of the right to delete interfaces, as long as their group is there',
      [
        { Role: ROLE, Group: group(), Policy: policy('ec2:DeleteNetworkInterface'), Worker: worker('Group') },
        { Role: ROLE, Policy: policy('sqs:SendMessage'), Worker: worker() },
      ],
      /^Policy: Lambda needs it for as long as interfaces may be in Group/u,
    ],
    [
      'another type under a logical id',
      [{ A: queue() }, { A: group() }],
      /^A: CloudFormation does not change the type/u,
    ],
  ])('%s', (_, templates, problem) => {
    expect(deploy(...templates).problems).toEqual([expect.stringMatching(problem)]);
  });

  it('but not a name that came free in an earlier deployment', () => {
    expect(deploy({ Old: queue('a') }, {}, { New: queue('a') }).problems).toEqual([]);
  });

  it('a security group that a rule by hand lets in elsewhere', () => {
    const { stack } = deploy({ Group: group() });

    expect(updateStack({ ...stack, rulesByHand: [{ letsIn: 'Group#1.GroupId' }] }).problems).toEqual([
      'Group: cannot be deleted, a rule that somebody made in another security group lets it in',
    ]);
  });
});

it('knows what to hold a resource to, or stops', () => {
  expect(() => deploy({ Vpc: { Type: 'AWS::EC2::VPC' } })).toThrow(/Vpc is of type AWS::EC2::VPC, which is not known/u);
});
