import { z } from 'zod';

import type { Template } from './synthesize.ts';
import { resourcesOf } from './synthesize.ts';

const OneOrMore = <Item extends z.ZodType>(item: Item) => z.union([z.array(item), item.transform((value) => [value])]);
const Statement = z.looseObject({
  Effect: z.enum(['Allow', 'Deny']),
  Action: OneOrMore(z.string()),
  Resource: OneOrMore(z.unknown()).optional(),
  Condition: z.unknown().optional(),
});
const Document = z.looseObject({ Statement: z.array(Statement) });
const Policy = z.object({ PolicyDocument: Document, Roles: z.array(z.object({ Ref: z.string() })).optional() });

/** One statement of a policy, and whose it is. */
export interface IamStatement {
  /** Logical id of the role, or of the policy that people are given. */
  readonly owner: string;
  readonly effect: 'Allow' | 'Deny';
  readonly actions: readonly string[];
  /** As text: an intrinsic function is its JSON. */
  readonly resources: readonly string[];
  readonly condition?: unknown;
}

/** Every statement that the template gives to a role: inline, attached, in whatever resource. */
export function roleStatements(template: Template): readonly IamStatement[] {
  return ['AWS::IAM::Policy', 'AWS::IAM::ManagedPolicy'].flatMap((type) => statementsOf(template, type, 'roles'));
}

/** Every statement of the policies that are attached to nobody, for people. */
export function peopleStatements(template: Template): readonly IamStatement[] {
  return statementsOf(template, 'AWS::IAM::ManagedPolicy', 'nobody');
}

function statementsOf(template: Template, type: string, holders: 'roles' | 'nobody'): readonly IamStatement[] {
  return resourcesOf(template, type).flatMap(([id, { Properties }]) => {
    const { PolicyDocument, Roles } = Policy.parse(Properties);
    const owners = holders === 'roles' ? (Roles ?? []).map(({ Ref }) => Ref) : Roles === undefined ? [id] : [];
    return owners.flatMap((owner) =>
      PolicyDocument.Statement.map((statement) => ({
        owner,
        effect: statement.Effect,
        actions: statement.Action,
        resources: (statement.Resource ?? []).map((resource) =>
          typeof resource === 'string' ? resource : JSON.stringify(resource),
        ),
        condition: statement.Condition,
      })),
    );
  });
}

/** The roles and policies as `docs/security.md` calls them, by how their logical ids begin. */
const OWNERS: readonly (readonly [RegExp, string])[] = [
  [/^Webhook/u, 'github-webhook'],
  [/^SourceSync/u, 'source-sync'],
  [/^ImageUpdate/u, 'image-update'],
  [/^Reconcile/u, 'reconcile'],
  [/^Notify/u, 'notify'],
  [/^Ticks/u, 'ticks'],
  [/^PeopleLook/u, 'people who look'],
  [/^PeopleOperate/u, 'people who operate'],
];
/** The resources as `docs/security.md` calls them. */
const PLACES: readonly (readonly [RegExp, string])[] = [
  [/^\*$/u, 'everything'],
  [/"\w+(?:Worker|Teller)Logs\w+","Arn"/u, 'its own log group'],
  [/"JournalTable\w+","StreamArn"/u, 'the stream of the journal'],
  [/"JournalTable\w+","Arn"/u, 'the journal'],
  [/"ArtifactsBucket\w+","Arn"\]\},"\/artifacts\/\*"/u, 'artifacts'],
  [/"ArtifactsBucket\w+","Arn"\]\},"\/records\/(?:production|staging)\.json"/u, 'its own apply record'],
  [/^\{"Fn::GetAtt":\["ArtifactsBucket\w+","Arn"\]\}$/u, 'the bucket'],
  [/secret:tidegate\/github\/private-key-\?{6}"/u, 'the key of the GitHub App'],
  [/secret:tidegate\/github\/webhook-secret-\?{6}"/u, 'the webhook secret'],
  [/secret:tidegate\/(?:production|staging)\/\*"/u, 'secrets of sources'],
  [/secret:tidegate\/\*"/u, 'secrets `tidegate/*`'],
  [/"NotifyLostQueue\w+","Arn"/u, 'the queue of lost records'],
  [/"SourceSyncWorkQueue\w+","Arn"/u, 'queue `source-sync`'],
  [/"ImageUpdateWorkQueue\w+","Arn"/u, 'queue `image-update`'],
  [/"Reconcile(?:production|staging)WorkQueue\w+","Arn"/u, 'queues `reconcile/*`'],
  [/^arn:aws:ecr:eu-west-1:123456789012:repository\//u, 'repositories of the settings'],
  [/"arn:aws:logs:.*":log-group:tidegate-\*:\*"/u, 'log groups `tidegate-*`'],
  [/"arn:aws:logs:.*":log-group:\/aws\/vendedlogs\/tidegate-\*:\*"/u, 'log groups `/aws/vendedlogs/tidegate-*`'],
  [/"arn:aws:kms:.*":key\/\*"/u, 'keys of secrets'],
  [/"arn:aws:sqs:.*":tidegate-\*"/u, 'queues `tidegate-*`'],
  [/"arn:aws:lambda:.*":function:tidegate-\*"/u, 'functions `tidegate-*`'],
  [/"arn:aws:lambda:.*":event-source-mapping:\*"/u, 'event sources of functions `tidegate-*`'],
  [/":schedule\/tidegateeuwest1-Ticks-Group-\w+\/\*"/u, 'the schedules'],
  [/":dashboard\/tidegate-eu-west-1"/u, 'the dashboard'],
  [/^\{"Ref":"AWS::StackId"\}$/u, 'the stack'],
];

/** Each permission as one line: whose, which action, where; `its own` where a condition or the owner's name says so. */
export function describePermissions(statements: readonly IamStatement[]): ReadonlySet<string> {
  return new Set(
    statements.flatMap(({ owner, effect, actions, resources, condition }) =>
      actions.flatMap((action) =>
        resources.map((resource) => {
          const whose = nameOf(owner, OWNERS);
          const place = isOwnQueue(owner, resource) ? 'its own queue' : nameOf(resource, PLACES);
          const own = JSON.stringify(condition ?? '').includes('dynamodb:LeadingKeys') ? 'its own records in ' : '';
          return `${whose} | ${effect === 'Deny' ? 'not ' : ''}${action} | ${own}${place}`;
        }),
      ),
    ),
  );
}

function isOwnQueue(owner: string, resource: string): boolean {
  const queue = /"(?<construct>\w+?)WorkQueue\w+","Arn"/u.exec(resource)?.groups?.['construct'];
  return queue !== undefined && owner.startsWith(queue);
}

/** What no table names is shown as it is, so that a test that compares fails with it. */
function nameOf(text: string, names: readonly (readonly [RegExp, string])[]): string {
  return names.find(([pattern]) => pattern.test(text))?.[1] ?? text;
}
