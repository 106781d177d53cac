import { isDeepStrictEqual } from 'node:util';

import { orderResources } from './order-resources.ts';
import type { Identity } from './resolve-intrinsics.ts';
import { resolveIntrinsics } from './resolve-intrinsics.ts';
import type { ResourceFacts } from './resource-facts.ts';
import { identitiesOf, RESOURCE_FACTS, securityGroupsOf } from './resource-facts.ts';
import type { Template, TemplateResource } from './template.ts';
import { parseTemplate } from './template.ts';

/** What CloudFormation did with one resource. */
export interface StackStep {
  readonly does: 'create' | 'update' | 'replace' | 'delete' | 'retain';
  /** Logical id. */
  readonly id: string;
}

/** What became of a deployment. */
export interface StackUpdate {
  readonly steps: readonly StackStep[];
  /** Why AWS refuses steps of it; a real deployment would stop at the first and roll back. */
  readonly problems: readonly string[];
  readonly stack: DeployedResources;
}

/** What stands in the account: what the stack made, and what others did. */
export interface DeployedResources {
  readonly template: Template;
  /** The stack's, by logical id. */
  readonly resources: ReadonlyMap<string, PhysicalResource>;
  /** What the stack left, such as secrets. */
  readonly retained: readonly PhysicalResource[];
  /** Rules that people made in other security groups, each with the group that it lets in. */
  readonly rulesByHand: readonly { readonly letsIn: string }[];
}

interface PhysicalResource {
  /** One of its own for each that is made. */
  readonly physicalId: string;
  readonly logicalId: string;
  readonly type: string;
  readonly properties: Readonly<Record<string, unknown>>;
}

const EMPTY: Template = parseTemplate({ Resources: {} });

/** An account in which the stack is not. */
export const NOTHING_DEPLOYED: DeployedResources = {
  template: EMPTY,
  resources: new Map(),
  retained: [],
  rulesByHand: [],
};

/**
 * Plays a deployment as CloudFormation would carry it out, on paper: in the order of the references resources are added,
 * changed in place, or made anew beside the old one; once all that is done, what is old goes, in the reverse order. Each
 * step is held against what there can be only one of, and what is still in use.
 * https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-update-behaviors.html
 * @param template undefined: the stack is deleted.
 */
export function updateStack(deployed: DeployedResources, template?: unknown): StackUpdate {
  return new Deployment(deployed, template === undefined ? EMPTY : parseTemplate(template)).run();
}

class Deployment {
  private readonly steps: StackStep[] = [];
  private readonly problems: string[] = [];
  private readonly next = new Map<string, PhysicalResource>();
  /** What lives now, by its physical id. */
  private readonly live: Map<string, PhysicalResource>;
  private readonly retained: PhysicalResource[];
  /** Who holds what there can be only one of. */
  private readonly holders = new Map<string, PhysicalResource>();
  private readonly deployed: DeployedResources;
  private readonly template: Template;

  constructor(deployed: DeployedResources, template: Template) {
    this.deployed = deployed;
    this.template = template;
    this.retained = [...deployed.retained];
    const before = [...deployed.resources.values(), ...deployed.retained];
    this.live = new Map(before.map((resource) => [resource.physicalId, resource]));
    for (const resource of before) this.hold(resource);
  }

  run(): StackUpdate {
    const wanted = wantedResources(this.template);
    for (const id of orderResources(wanted)) {
      const resource = wanted[id];
      if (resource !== undefined) this.carryOut(id, resource);
    }
    this.cleanUp();
    const stack = {
      template: this.template,
      resources: this.next,
      retained: this.retained,
      rulesByHand: this.deployed.rulesByHand,
    };
    return { steps: this.steps, problems: this.problems, stack };
  }

  private carryOut(id: string, { Type: type, Properties }: TemplateResource): void {
    const resolved = resolveIntrinsics(Properties, { values: VALUES, resources: this.identities() }, id);
    const properties = asRecord(resolved);
    const before = this.deployed.resources.get(id);
    const facts = factsOf(type, id);
    if (before === undefined) return this.make('create', { logicalId: id, type, properties });
    if (before.type !== type) {
      this.problems.push(`${id}: CloudFormation does not change the type of a resource, ${before.type} to ${type}`);
      return;
    }
    const changed = changedProperties(before.properties, properties);
    if (changed.some((name) => facts.replacedBy.includes(name))) {
      return this.make('replace', { logicalId: id, type, properties });
    }
    if (changed.length > 0) this.steps.push({ does: 'update', id });
    const after = { ...before, properties };
    this.checkInterfaces(before, after);
    this.release(before);
    this.claim(after, identitiesOf(before.type, before.properties));
    this.live.set(after.physicalId, after);
    this.next.set(id, after);
  }

  private make(does: 'create' | 'replace', resource: Omit<PhysicalResource, 'physicalId'>): void {
    this.steps.push({ does, id: resource.logicalId });
    let generation = 1;
    while (this.live.has(`${resource.logicalId}#${generation}`)) generation += 1;
    const made = { physicalId: `${resource.logicalId}#${generation}`, ...resource };
    this.claim(made);
    this.live.set(made.physicalId, made);
    this.next.set(made.logicalId, made);
  }

  /** Old resources go in the reverse of the order in which they came. */
  private cleanUp(): void {
    const wanted = wantedResources(this.deployed.template);
    for (const id of orderResources(wanted).toReversed()) {
      const old = this.deployed.resources.get(id);
      if (old === undefined || this.next.get(id)?.physicalId === old.physicalId) continue;
      const policy = wanted[id]?.[this.next.has(id) ? 'UpdateReplacePolicy' : 'DeletionPolicy'] ?? 'Delete';
      if (policy !== 'Delete') {
        this.steps.push({ does: 'retain', id });
        this.retained.push(old);
        continue;
      }
      this.steps.push({ does: 'delete', id });
      this.live.delete(old.physicalId);
      this.release(old);
      this.checkInterfaces(old);
      for (const user of this.usersOf(old)) this.problems.push(`${id}: cannot be deleted, ${user}`);
    }
  }

  private usersOf({ type, physicalId }: PhysicalResource): readonly string[] {
    if (type !== 'AWS::EC2::SecurityGroup') return [];
    const group = `${physicalId}.GroupId`;
    const users = [...this.live.values()].flatMap(({ type: other, logicalId, properties }) => {
      if (other === 'AWS::EC2::SecurityGroupIngress' && properties['SourceSecurityGroupId'] === group) {
        return [`the rule ${logicalId} in another security group lets it in`];
      }
      return other === 'AWS::Lambda::Function' && securityGroupsOf(properties).includes(group)
        ? [`the interfaces of ${logicalId} are in it`]
        : [];
    });
    const byHand = this.deployed.rulesByHand.filter(({ letsIn }) => letsIn === group);
    return [...users, ...byHand.map(() => 'a rule that somebody made in another security group lets it in')];
  }

  /**
   * Lambda deletes the interfaces of a function with the function's role, some time after it left their security group. A
   * role that may not do so any more leaves them there, and the group with them.
   */
  private checkInterfaces(before: PhysicalResource, after?: PhysicalResource): void {
    if (before.type !== 'AWS::IAM::Policy' || !mayDeleteInterfaces(before) || mayDeleteInterfaces(after)) return;
    const { Roles: roles } = before.properties;
    const isTheirs = ({ Role }: PhysicalResource['properties']): boolean =>
      Array.isArray(roles) && roles.some((role) => Role === `${role}.Arn`);
    const groups = [...this.deployed.resources.values()].flatMap(({ type, properties }) =>
      type === 'AWS::Lambda::Function' && isTheirs(properties) ? securityGroupsOf(properties) : [],
    );
    for (const { type, physicalId, logicalId } of this.live.values()) {
      if (type !== 'AWS::EC2::SecurityGroup' || !groups.includes(`${physicalId}.GroupId`)) continue;
      this.problems.push(`${before.logicalId}: Lambda needs it for as long as interfaces may be in ${logicalId}`);
    }
  }

  private identities(): ReadonlyMap<string, Identity> {
    return new Map([...this.next].map(([id, { physicalId }]) => [id, identityOf(physicalId)]));
  }

  private claim(resource: PhysicalResource, own: readonly string[] = []): void {
    for (const identity of identitiesOf(resource.type, resource.properties)) {
      if (own.includes(identity)) continue;
      const holder = this.holders.get(identity);
      if (holder !== undefined) {
        this.problems.push(`${resource.logicalId}: there is one already, ${holder.logicalId}: ${identity}`);
      }
    }
    this.hold(resource);
  }

  private hold(resource: PhysicalResource): void {
    for (const identity of identitiesOf(resource.type, resource.properties)) this.holders.set(identity, resource);
  }

  private release(resource: PhysicalResource): void {
    for (const identity of identitiesOf(resource.type, resource.properties)) {
      if (this.holders.get(identity)?.physicalId === resource.physicalId) this.holders.delete(identity);
    }
  }
}

const VALUES = {
  'AWS::AccountId': '111122223333',
  'AWS::Region': 'eu-west-1',
  'AWS::Partition': 'aws',
  'AWS::URLSuffix': 'amazonaws.com',
  'AWS::StackName': 'tidegate-eu-west-1',
  'AWS::StackId': 'arn:aws:cloudformation:eu-west-1:111122223333:stack/tidegate-eu-west-1/1',
  BootstrapVersion: '/cdk-bootstrap/hnb659fds/version',
};

function wantedResources({ Resources, Conditions }: Template): Readonly<Record<string, TemplateResource>> {
  const referents = { values: VALUES, resources: new Map<string, Identity>() };
  const isWanted = ({ Condition }: TemplateResource): boolean =>
    Condition === undefined || resolveIntrinsics(Conditions[Condition], referents, Condition) === true;
  return Object.fromEntries(Object.entries(Resources).filter(([, resource]) => isWanted(resource)));
}

/** Whatever attribute is asked for, its value tells which resource it is of. */
function identityOf(physicalId: string): Identity {
  const attributes = new Proxy<Record<string, string>>(
    {},
    {
      get: (_, name) => `${physicalId}.${String(name)}`,
      getOwnPropertyDescriptor: () => ({ configurable: true, enumerable: true }),
    },
  );
  return { ref: physicalId, attributes };
}

function mayDeleteInterfaces(policy: PhysicalResource | undefined): boolean {
  return JSON.stringify(policy?.properties ?? '').includes('"ec2:DeleteNetworkInterface"');
}

function factsOf(type: string, id: string): ResourceFacts {
  const facts = RESOURCE_FACTS[type];
  if (facts !== undefined) return facts;
  throw new Error(
    `${id} is of type ${type}, which is not known here: say in stand-ins/aws/resource-facts.ts what it holds to`,
  );
}

function changedProperties(
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
): readonly string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].filter((name) => !isDeepStrictEqual(before[name], after[name]));
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {};
}
