import * as fc from 'fast-check';
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { MAX_WEBHOOK_BYTES } from '#shared/webhooks/receive-webhook.ts';
import { signBody } from '#shared/webhooks/verify-signature.ts';
import { sampleSize } from '#test/sample-size.ts';

import type { OpenServe } from './open-serve.ts';
import { deliver, HANDLED, openServe, pushPayload, until, WEBHOOK_SECRET } from './open-serve.ts';

interface Example {
  readonly name: string;
  readonly examples: readonly unknown[];
}

const examples = createRequire(import.meta.url)('@octokit/webhooks-examples') as {
  readonly default?: unknown;
} & readonly Example[];
const REQUESTS = 1_000;

let serve: OpenServe;
const worked: string[] = [];

beforeAll(async () => {
  serve = await openServe({
    work: async ({ Records: [record] }) => {
      if (record !== undefined && !record.body.includes('"Tick"')) worked.push(record.body);
      return HANDLED;
    },
  });
});
afterAll(() => serve.close());

/** Writes bytes as they are, and reads the status line if there is one. */
async function sendRaw(text: string | Buffer, ending: 'open' | 'hang-up' = 'open'): Promise<number | undefined> {
  const { hostname, port } = new URL(serve.url);
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname, () => {
      if (ending === 'open') socket.write(text);
      else socket.end(text);
    });
    let answer = '';
    socket.setEncoding('latin1').on('data', (chunk: string) => (answer += chunk));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      const status = /^HTTP\/1\.1 (\d{3})/u.exec(answer)?.[1];
      resolve(status === undefined ? undefined : Number(status));
    });
  });
}

function head(headers: Readonly<Record<string, string>>): string {
  const lines = Object.entries({ host: 'localhost', connection: 'close', ...headers }).map(
    ([name, value]) => `${name}: ${value}`,
  );
  return `POST /webhook HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`;
}

/** One request of each sort that nobody should send, and the answers that are right for it. */
const SORTS: readonly {
  readonly name: string;
  readonly send: (index: number) => Promise<number | undefined>;
  readonly right: readonly (number | undefined)[];
}[] = [
  { name: 'unsigned', right: [401], send: async () => post(pushPayload(), { 'x-hub-signature-256': undefined }) },
  {
    name: 'signed with another secret',
    right: [401],
    send: async () => post(pushPayload(), { 'x-hub-signature-256': signBody(Buffer.from('x'), 'other') }),
  },
  {
    name: 'signed with SHA-1',
    right: [401],
    send: async () => post(pushPayload(), { 'x-hub-signature-256': `sha1=${'0'.repeat(40)}` }),
  },
  {
    name: 'a signature of another length',
    right: [401],
    send: async (index) => post(pushPayload(), { 'x-hub-signature-256': `sha256=${'0'.repeat(index % 200)}` }),
  },
  { name: 'no event', right: [400], send: async () => post(pushPayload(), { 'x-github-event': undefined }) },
  { name: 'no delivery', right: [400], send: async () => post(pushPayload(), { 'x-github-delivery': undefined }) },
  {
    name: 'a hostile delivery id',
    right: [400],
    send: async () => post(pushPayload(), { 'x-github-delivery': '../../../etc/passwd' }),
  },
  { name: 'signed and no JSON', right: [400], send: async (index) => post(`{"ref": ${'['.repeat(index * 10)}`, {}) },
  {
    name: 'signed and no push',
    right: [400],
    send: async (index) => post([null, 1, 'x', [], {}, { ref: 5 }][index % 6], {}),
  },
  {
    name: 'signed and not UTF-8',
    right: [400],
    send: async () => sendSignedBytes(Buffer.from([0x7b, 0xff, 0xfe, 0x7d])),
  },
  {
    name: 'announced as too large',
    right: [413],
    send: async () => sendRaw(head({ 'content-length': `${MAX_WEBHOOK_BYTES + 1}` })),
  },
  {
    name: 'truncated',
    right: [undefined, 400],
    send: async (index) => sendRaw(`${head({ 'content-length': '5000' })}${'x'.repeat(index % 4999)}`, 'hang-up'),
  },
  {
    name: 'a broken chunk',
    right: [400, undefined],
    send: async () => sendRaw(`${head({ 'transfer-encoding': 'chunked' })}zz\r\nabc\r\n`),
  },
  {
    name: 'no HTTP',
    right: [400],
    send: async (index) => sendRaw(Buffer.from(`\u0000${'\u00ff'.repeat(index % 100)}\r\n\r\n`, 'latin1')),
  },
  {
    name: 'headers without end',
    right: [431],
    send: async () => sendRaw(`POST /webhook HTTP/1.1\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`),
  },
  {
    name: 'another method',
    right: [405],
    send: async () => (await fetch(`${serve.url}/webhook`, { method: 'PUT', body: 'x' })).status,
  },
  {
    name: 'another path',
    right: [404],
    send: async () => (await fetch(`${serve.url}/webhook/../admin`, { method: 'POST', body: 'x' })).status,
  },
];

async function sendSignedBytes(bytes: Buffer): Promise<number | undefined> {
  const headers = {
    'content-length': `${bytes.byteLength}`,
    'x-github-event': 'push',
    'x-github-delivery': 'd',
    'x-hub-signature-256': signBody(bytes, WEBHOOK_SECRET),
  };
  return sendRaw(Buffer.concat([Buffer.from(head(headers)), bytes]));
}

async function post(payload: unknown, changed: Readonly<Record<string, string | undefined>>): Promise<number> {
  const body = typeof payload === 'string' ? payload : (JSON.stringify(payload) ?? '');
  const headers = {
    'x-github-event': 'push',
    'x-github-delivery': 'd',
    'x-hub-signature-256': signBody(Buffer.from(body), WEBHOOK_SECRET),
    ...changed,
  };
  const present = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as [string, string]],
  );
  const response = await fetch(`${serve.url}/webhook`, { method: 'POST', body, headers: present });
  await response.arrayBuffer();
  return response.status;
}

const SENTINEL = 'f'.repeat(40);

/** What the workers were given so far: a push that is right is sent behind it all, and awaited. */
async function workedUntilNow(): Promise<readonly string[]> {
  const sentinel = (): number => worked.filter((body) => body.includes(SENTINEL)).length;
  const before = sentinel();
  const response = await deliver(serve.url, 'push', pushPayload(SENTINEL));
  expect(response.status).toBe(202);
  await until('the push behind it all', () => sentinel() >= before + 2);
  return worked.filter((body) => !body.includes(SENTINEL));
}

/** Replaces, removes or repeats a value somewhere in a payload. */
function mutate(value: unknown, path: readonly number[], replacement: unknown): unknown {
  const [step, ...rest] = path;
  if (step === undefined || typeof value !== 'object' || value === null) return replacement;
  const keys = Object.keys(value);
  const key = keys[step % Math.max(1, keys.length)];
  if (key === undefined) return replacement;
  const copy: Record<string, unknown> = { ...value };
  copy[key] = mutate(Reflect.get(value, key), rest, replacement);
  return Array.isArray(value) ? Object.values(copy) : copy;
}

describe('POST /webhook', () => {
  it(
    `answers ${REQUESTS} requests that nobody should send with the right refusal and queues nothing`,
    { timeout: 120_000 },
    async () => {
      const wrong: string[] = [];

      for (let index = 0; index < REQUESTS; index += 20) {
        await Promise.all(
          Array.from({ length: 20 }, async (_, offset) => {
            const sort = SORTS[(index + offset) % SORTS.length];
            if (sort === undefined) return;
            const status = await sort.send(index + offset);
            if (!sort.right.includes(status)) wrong.push(`${sort.name}: ${status}`);
          }),
        );
      }

      expect([...new Set(wrong)]).toEqual([]);
      expect(await workedUntilNow()).toEqual([]);
      expect((await fetch(`${serve.url}/healthz`)).status).toBe(200);
    },
  );

  it('refuses a body that turns out too large while it is streamed', async () => {
    const chunk = `${(1024 * 1024).toString(16)}\r\n${'x'.repeat(1024 * 1024)}\r\n`;

    const status = await sendRaw(`${head({ 'transfer-encoding': 'chunked' })}${chunk.repeat(6)}`);

    expect(status).toBe(413);
    expect(await workedUntilNow()).toEqual([]);
  });

  it(
    'answers every example of GitHub, whole or broken in structure, with 2xx or 4xx',
    { timeout: 120_000 },
    async () => {
      const payloads = examples.flatMap(({ name, examples: list }) => list.map((payload) => ({ name, payload })));
      const any = fc.record({
        example: fc.nat({ max: payloads.length - 1 }),
        path: fc.array(fc.nat({ max: 50 }), { maxLength: 4 }),
        replacement: fc.jsonValue(),
        whole: fc.boolean(),
      });
      const statuses = new Set<number>();
      const answers = fc.asyncProperty(any, async ({ example, path, replacement, whole }) => {
        const { name, payload } = payloads[example] ?? { name: 'push', payload: null };
        const response = await deliver(serve.url, name, whole ? payload : mutate(payload, path, replacement));
        statuses.add(response.status);
        return [200, 202, 400].includes(response.status);
      });

      await fc.assert(answers, { seed: 42, numRuns: sampleSize(300, 5_000) });

      expect([...statuses].toSorted((left, right) => left - right)).toEqual([200, 202, 400]);
    },
  );

  it.each(['push', 'pull_request'])('takes every example of a %s', async (name) => {
    const payloads = examples.find((example) => example.name === name)?.examples ?? [];
    const before = worked.length;

    const statuses = await Promise.all(
      payloads.map(async (payload) => (await deliver(serve.url, name, payload)).status),
    );

    expect(new Set(statuses)).toEqual(new Set([202]));
    expect(worked.length).toBeGreaterThan(before);
  });
});
