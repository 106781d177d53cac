import type { DeployedStack } from './deploy-template.ts';
import { parsePolicy, type PolicyStatement } from './evaluate-policy.ts';

/** What the policies of a deployed stack say of one of its roles. */
export function roleStatements(stack: DeployedStack, roleArn: string): readonly PolicyStatement[] {
  const role = roleArn.slice(roleArn.lastIndexOf('/') + 1);
  return stack.resources
    .filter(({ type, properties: { Roles: roles } }) => {
      return type === 'AWS::IAM::Policy' && Array.isArray(roles) && roles.includes(role);
    })
    .flatMap(({ properties }) => parsePolicy(properties['PolicyDocument']));
}
