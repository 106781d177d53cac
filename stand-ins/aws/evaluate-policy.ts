import { z } from 'zod';

const OneOrMore = z.union([z.string().transform((one) => [one]), z.array(z.string())]);

/** The conditions that the template uses; another one is an error, not a condition that holds. */
const Condition = z.strictObject({
  'ForAllValues:StringEquals': z.strictObject({ 'dynamodb:LeadingKeys': OneOrMore }).optional(),
  ArnLike: z.strictObject({ 'lambda:SourceFunctionArn': OneOrMore }).optional(),
  // What Secrets Manager asks of KMS for whoever reads a secret; nothing here asks KMS, so a statement with them allows nothing.
  StringEquals: z.strictObject({ 'kms:ViaService': z.string() }).optional(),
  StringLike: z.strictObject({ 'kms:EncryptionContext:SecretARN': OneOrMore }).optional(),
});

const Statement = z.strictObject({
  Sid: z.string().optional(),
  Effect: z.enum(['Allow', 'Deny']),
  Action: OneOrMore,
  Resource: OneOrMore,
  Condition: Condition.optional(),
});

const Policy = z.strictObject({ Version: z.literal('2012-10-17'), Statement: z.array(Statement) });

/** One statement of an IAM policy. */
export type PolicyStatement = Readonly<z.infer<typeof Statement>>;

/** What a call asks of IAM: one thing on one resource. */
export interface PermissionRequest {
  /** `dynamodb:PutItem`. */
  readonly action: string;
  readonly resource: string;
  /** Partition keys that a call to DynamoDB names. */
  readonly leadingKeys?: readonly string[];
  /** The function that calls. */
  readonly sourceFunctionArn: string;
}

/** Reads the statements of a policy document. */
export function parsePolicy(document: unknown): readonly PolicyStatement[] {
  return Policy.parse(document).Statement;
}

/** Decides as IAM does: what no statement allows is denied, and what one denies no other allows. */
export function isPermitted(statements: readonly PolicyStatement[], request: PermissionRequest): boolean {
  const concerned = statements.filter((statement) => concerns(statement, request));
  return concerned.some(({ Effect }) => Effect === 'Allow') && !concerned.some(({ Effect }) => Effect === 'Deny');
}

/** One thing that a policy allows, as it stands there: an action on a resource, either of them perhaps a pattern. */
export interface Grant {
  readonly action: string;
  readonly resource: string;
}

/** Everything that statements allow, each once. */
export function listGrants(statements: readonly PolicyStatement[]): readonly Grant[] {
  const grants = statements
    .filter(({ Effect }) => Effect === 'Allow')
    .flatMap(({ Action, Resource }) => Action.flatMap((action) => Resource.map((resource) => ({ action, resource }))));
  return [...new Map(grants.map((grant) => [`${grant.action} ${grant.resource}`, grant])).values()];
}

/** Those grants that a request makes use of. */
export function grantsUsedBy(statements: readonly PolicyStatement[], request: PermissionRequest): readonly Grant[] {
  const concerned = statements.filter((statement) => concerns(statement, request));
  return listGrants(concerned).filter(
    ({ action, resource }) =>
      isLike(action.toLowerCase(), request.action.toLowerCase()) && isLike(resource, request.resource),
  );
}

function concerns(statement: PolicyStatement, request: PermissionRequest): boolean {
  return (
    statement.Action.some((pattern) => isLike(pattern.toLowerCase(), request.action.toLowerCase())) &&
    statement.Resource.some((pattern) => isLike(pattern, request.resource)) &&
    holds(statement.Condition ?? {}, request)
  );
}

function holds(condition: z.infer<typeof Condition>, request: PermissionRequest): boolean {
  const keys = condition['ForAllValues:StringEquals']?.['dynamodb:LeadingKeys'];
  const functions = condition.ArnLike?.['lambda:SourceFunctionArn'];
  return (
    condition.StringEquals === undefined &&
    condition.StringLike === undefined &&
    (keys === undefined || (request.leadingKeys ?? []).every((key) => keys.includes(key))) &&
    (functions === undefined || functions.some((pattern) => isLike(pattern, request.sourceFunctionArn)))
  );
}

/** With `*` for anything and `?` for one character. */
function isLike(pattern: string, text: string): boolean {
  const source = pattern
    .replaceAll(/[.+^${}()|[\]\\]/gu, String.raw`\$&`)
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`, 'su').test(text);
}
