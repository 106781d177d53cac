/** The ARN of a role of IAM. */
export const ROLE_ARN = /^arn:aws[a-z-]*:iam::(?<account>\d{12}):role\/[\w+=,.@/-]{1,512}$/u;

/** The account that a role is of. */
export function accountOfRole(arn: string | undefined): string | undefined {
  return ROLE_ARN.exec(arn ?? '')?.groups?.['account'];
}
