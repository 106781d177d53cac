import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { z } from 'zod';

import { EksTokenRefusal } from './eks-token-refusal.ts';
import { verifyEksToken } from './verify-eks-token.ts';
import type { AwsCaller } from './verify-identity-request.ts';

const MAX_BODY_BYTES = 64 * 1024;
const TokenReview = z.object({ apiVersion: z.string(), spec: z.object({ token: z.string() }) });

/** Whom EKS lets in, and as which groups RBAC knows them. */
export interface AccessEntry {
  /** `arn:aws:iam::123456789012:role/tidegate-production`. */
  readonly principalArn: string;
  /** `{{SessionName}}` is replaced; by default the ARN of the assumed role. */
  readonly username?: string;
  readonly kubernetesGroups: readonly string[];
}

/** Which cluster the webhook speaks for. */
export interface EksTokenWebhookOptions {
  /** The cluster's name in EKS. */
  readonly clusterId: string;
  readonly region: string;
  readonly now?: () => number;
  /** Whom EKS lets in at the moment, besides those of `addAccessEntry`; asked for each token. */
  readonly accessEntries?: () => Promise<readonly AccessEntry[]>;
}

/** What EKS does between a token and RBAC. */
export interface EksTokenWebhook {
  /** For `startCluster({ tokenWebhook })`. */
  readonly url: string;
  /** Makes a caller's credentials known, as STS knows those that it gave. */
  addCaller(caller: AwsCaller): void;
  addAccessEntry(entry: AccessEntry): void;
  /** Why tokens were refused, oldest first. */
  refusals(): readonly string[];
  /** How many tokens were accepted. */
  accepted(): number;
  stop(): Promise<void>;
}

/** Starts a webhook that reviews tokens as EKS does: aws-iam-authenticator's rules, the signature, the access entries. */
export async function startEksTokenWebhook(options: EksTokenWebhookOptions): Promise<EksTokenWebhook> {
  const { clusterId, region, now = () => Date.now(), accessEntries = () => Promise.resolve([]) } = options;
  const callers: AwsCaller[] = [];
  const entries: AccessEntry[] = [];
  const refused: string[] = [];
  let accepted = 0;

  async function review(token: string): Promise<object> {
    try {
      const caller = verifyEksToken(token, { clusterId, region, now: now(), callers });
      const known = [...entries, ...(await accessEntries())];
      const entry = known.find(({ principalArn }) => principalArn === principalOf(caller.arn));
      if (entry === undefined) throw new EksTokenRefusal('sts', `${principalOf(caller.arn)} has no access entry`);
      const user = describeUser(caller, entry);
      accepted += 1;
      return { authenticated: true, user };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      refused.push(reason);
      return { authenticated: false, error: reason };
    }
  }

  const server = createServer((request, response) => {
    void answer(request, response, review);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the token webhook did not get a port');
  return {
    url: `http://127.0.0.1:${address.port}/authenticate`,
    addCaller: (caller) => void callers.push(caller),
    addAccessEntry: (entry) => void entries.push(entry),
    refusals: () => refused,
    accepted: () => accepted,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  review: (token: string) => Promise<object>,
): Promise<void> {
  const body = await readBody(request);
  const parsed = body === undefined ? undefined : TokenReview.safeParse(body);
  if (parsed === undefined || !parsed.success) {
    response.writeHead(400).end();
    return;
  }
  const { apiVersion, spec } = parsed.data;
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ apiVersion, kind: 'TokenReview', status: await review(spec.token) }));
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of request) {
      const part = Buffer.from(chunk);
      bytes += part.byteLength;
      if (bytes > MAX_BODY_BYTES) return undefined;
      chunks.push(part);
    }
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    return undefined;
  }
}

/** An access entry names the role; what calls is a session of it. */
function principalOf(arn: string): string {
  return arn.replace(/^arn:([\w-]+):sts::(\d{12}):assumed-role\/([^/]+)\/.*$/u, 'arn:$1:iam::$2:role/$3');
}

function describeUser(caller: AwsCaller, entry: AccessEntry): object {
  const sessionName = caller.arn.split('/').at(-1) ?? '';
  const username = (entry.username ?? caller.arn).replaceAll('{{SessionName}}', sessionName);
  return {
    username,
    uid: `aws-iam-authenticator:${principalOf(caller.arn)}`,
    groups: entry.kubernetesGroups,
    extra: { arn: [caller.arn], accessKeyId: [caller.accessKeyId], sessionName: [sessionName] },
  };
}
