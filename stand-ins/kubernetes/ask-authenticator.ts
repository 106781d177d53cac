import { z } from 'zod';

import { askGoProgram } from '#stand-ins/build/ask-go-program.ts';

import { ensureAuthenticator } from './build-binaries.ts';

const Answer = z.strictObject({
  asked: z.boolean(),
  error: z.string().optional(),
  canonicalArn: z.string().optional(),
  accessKeyId: z.string().optional(),
});

/** What aws-iam-authenticator says of one token; `asked` when it passed all that comes before the call to STS. */
export type AuthenticatorAnswer = z.infer<typeof Answer>;

/** Whose tokens are read, and who plays STS. */
export interface AskAuthenticatorRequest {
  readonly clusterId: string;
  readonly region: string;
  /** `127.0.0.1:4566`: is asked over plain HTTP, whatever host a token names. */
  readonly sts: string;
  readonly tokens: readonly string[];
}

/** Has aws-iam-authenticator itself, the Go library that EKS uses, read tokens, in one process for all of them. */
export async function askAuthenticator(request: AskAuthenticatorRequest): Promise<readonly AuthenticatorAnswer[]> {
  const { clusterId, region, sts, tokens } = request;
  const flags = ['-cluster', clusterId, '-region', region, '-sts', sts];
  const lines = await askGoProgram({ name: 'authenticator', path: await ensureAuthenticator(), flags }, tokens);
  return lines.map((line) => Answer.parse(JSON.parse(line)));
}
