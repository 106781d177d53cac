import { z } from 'zod';
import { resourcesOf } from './synthesize.ts';
import type { Template } from './synthesize.ts';

const OneOrMore = <Item extends z.ZodType>(item: Item) => z.union([item.transform((value) => [value]), z.array(item)]);
const Statement = z.looseObject({
  Effect: z.string(),
  Action: OneOrMore(z.string()),
  Resource: OneOrMore(z.unknown()).optional(),
  Condition: z.unknown().optional(),
});
const Document = z.looseObject({ Statement: z.array(Statement) });
const Policy = z.object({ PolicyDocument: Document, Roles: z.array(z.object({ Ref: z.string() })).default([]) });

/** One statement of a policy, and whose it is. */
export interface IamStatement {
  /** Logical id of the role, or of what the policy belongs to. */
  readonly owner: string;
  readonly effect: string;
  readonly actions: readonly string[];
  /** As text: an intrinsic function is its JSON. */
  readonly resources: readonly string[];
  readonly condition?: unknown;
}

/** Every statement that the template gives to a role: inline, attached, in whatever resource. */
export function roleStatements(template: Template): readonly IamStatement[] {
  const attached = ['AWS::IAM::Policy', 'AWS::IAM::ManagedPolicy'].flatMap((type) => resourcesOf(template, type));
  return attached.flatMap(([, { Properties }]) => {
    const { PolicyDocument, Roles } = Policy.parse(Properties);
    return Roles.flatMap(({ Ref }) =>
      PolicyDocument.Statement.map((statement) => ({
        owner: Ref,
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
