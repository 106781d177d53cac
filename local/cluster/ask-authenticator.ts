import { spawn } from 'node:child_process';
import { z } from 'zod';
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
  const child = spawn(await ensureAuthenticator(), flags, { stdio: 'pipe', env: {} });
  const said = Promise.all([readAll(child.stdout), readAll(child.stderr)]);
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve);
  });
  child.stdin.on('error', () => {});
  child.stdin.end(tokens.map((token) => `${JSON.stringify(token)}\n`).join(''));
  const [code, [answers, complaints]] = await Promise.all([ended, said]);
  if (code !== 0) throw new Error(`authenticator ended with exit code ${code}: ${complaints.trim()}`);
  return answers
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => Answer.parse(JSON.parse(line)));
}

async function readAll(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}
