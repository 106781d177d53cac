import { describe, expect, it } from 'vitest';

import { isPermitted, parsePolicy, type PermissionRequest } from '#stand-ins/aws/evaluate-policy.ts';

const TABLE = 'arn:aws:dynamodb:eu-west-1:123456789012:table/journal';
const FUNCTION = 'arn:aws:lambda:eu-west-1:123456789012:function:tidegate-reconcile';
const request = { action: 'dynamodb:GetItem', resource: TABLE, sourceFunctionArn: FUNCTION };

function judge(statements: readonly object[], changed: Partial<PermissionRequest> = {}): boolean {
  const Statement = statements.map((statement) => ({ Effect: 'Allow', Action: '*', Resource: '*', ...statement }));
  return isPermitted(parsePolicy({ Version: '2012-10-17', Statement }), { ...request, ...changed });
}

const ownKeys = { 'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': ['production'] } };
const inFunctions = { ArnLike: { 'lambda:SourceFunctionArn': 'arn:aws:lambda:*:function:tidegate-*' } };

describe('a policy', () => {
  it.each<[boolean, string, readonly object[], Partial<PermissionRequest>?]>([
    [false, 'that is empty', []],
    [true, 'that names the action and the resource', [{ Action: 'dynamodb:GetItem', Resource: TABLE }]],
    [true, 'that names the action in other letters', [{ Action: 'DynamoDB:getitem' }]],
    [true, 'that names several of each', [{ Action: ['sqs:*', 'dynamodb:Get*'], Resource: ['a', TABLE] }]],
    [false, 'that names another action', [{ Action: 'dynamodb:PutItem' }]],
    [false, 'that names a resource with more at its end', [{ Resource: `${TABLE}/index/all` }]],
    [false, 'whose dot is a dot', [{ Resource: 'records.json' }], { resource: 'recordsXjson' }],
    [true, 'with six characters that chance chose', [{ Resource: 'key-??????' }], { resource: 'key-Ab12Cd' }],
    [false, 'with six characters, for five', [{ Resource: 'key-??????' }], { resource: 'key-Ab12C' }],
    [false, 'that denies what it allows', [{}, { Effect: 'Deny', Resource: TABLE }]],
    [true, 'that denies something else', [{}, { Effect: 'Deny', Action: 's3:*' }]],
    [true, 'for its own keys', [{ Condition: ownKeys }], { leadingKeys: ['production'] }],
    [
      false,
      'for its own keys, of which one is not',
      [{ Condition: ownKeys }],
      { leadingKeys: ['production', 'staging'] },
    ],
    [false, 'that denies to functions', [{}, { Effect: 'Deny', Condition: inFunctions }]],
    [
      true,
      'that denies to other functions',
      [{}, { Effect: 'Deny', Condition: inFunctions }],
      { sourceFunctionArn: 'x' },
    ],
  ])('says %s: one %s', (expected, _which, statements, changed) => {
    expect(judge(statements, changed)).toBe(expected);
  });

  it.each([
    ['a condition', 'Bool', { Condition: { Bool: { 'aws:SecureTransport': 'true' } } }],
    ['a key of a condition', 'aws:SourceArn', { Condition: { ArnLike: { 'aws:SourceArn': 'x' } } }],
    ['an element', 'NotAction', { NotAction: 's3:*' }],
  ])('is not read when it has %s that is not played here', (_what, named, statement) => {
    expect(() => judge([statement])).toThrow(named);
  });
});
