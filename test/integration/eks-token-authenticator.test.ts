import * as fc from 'fast-check';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage, Server } from 'node:http';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { createEksToken } from '#shared/adapters/kubernetes/eks-token.ts';
import type { AuthenticatorAnswer } from '#stand-ins/kubernetes/ask-authenticator.ts';
import { askAuthenticator } from '#stand-ins/kubernetes/ask-authenticator.ts';
import { ensureAuthenticator } from '#stand-ins/kubernetes/build-binaries.ts';
import { EksTokenRefusal } from '#stand-ins/kubernetes/eks-token-refusal.ts';
import { readEksToken } from '#stand-ins/kubernetes/read-eks-token.ts';
import { verifyEksToken } from '#stand-ins/kubernetes/verify-eks-token.ts';
import { verifyIdentityRequest } from '#stand-ins/kubernetes/verify-identity-request.ts';
import { sampleSize } from '#test/sample-size.ts';

const CLUSTER = 'production';
const REGION = 'eu-west-1';
const ACCOUNT = '123456789012';
const MINUTE_MS = 60_000;
const PREFIX = 'k8s-aws-v1.';
const CALLER = {
  accessKeyId: 'ASIAEXAMPLE',
  secretAccessKey: 'secret/key+',
  sessionToken: 'session/token+==',
  arn: `arn:aws:sts::${ACCOUNT}:assumed-role/tidegate-production/run-1`,
};

/** What arrived at the STS that aws-iam-authenticator was sent to. */
interface Call {
  readonly host: string;
  readonly url: string;
  readonly cluster: string;
}

let sts: Server;
let address: string;
let calls: Call[] = [];

beforeAll(async () => {
  sts = createServer((request, response) => {
    const { status, body } = answerAsSts(request);
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  sts.listen(0, '127.0.0.1');
  await once(sts, 'listening');
  const bound = sts.address();
  address = typeof bound === 'object' && bound !== null ? `127.0.0.1:${bound.port}` : '';
});

beforeEach(() => {
  calls = [];
});

afterAll(async () => {
  sts?.closeAllConnections();
  await new Promise((resolve) => sts?.close(resolve));
});

function answerAsSts(request: IncomingMessage): { readonly status: number; readonly body: object } {
  const { host = '', authorization } = request.headers;
  const cluster = String(request.headers['x-k8s-aws-id'] ?? '');
  const url = request.url ?? '';
  calls.push({ host, url, cluster });
  const now = Date.now();
  try {
    const read = readEksToken(encode(`https://${host}${url}`), { region: REGION, now });
    const identity = { ...read, hasUserInfo: authorization !== undefined };
    const caller = verifyIdentityRequest(identity, { clusterId: cluster, region: REGION, now, callers: [CALLER] });
    const result = { Account: ACCOUNT, Arn: caller.arn, UserId: 'AROAEXAMPLE:run-1' };
    return { status: 200, body: { GetCallerIdentityResponse: { GetCallerIdentityResult: result } } };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { status: 403, body: { Error: { Code: 'SignatureDoesNotMatch', Message: message } } };
  }
}

function encode(url: string | Buffer): string {
  return `${PREFIX}${Buffer.from(url).toString('base64url')}`;
}

function decode(token: string): string {
  return Buffer.from(token.slice(PREFIX.length), 'base64url').toString();
}

function makeToken(change: { cluster?: string; region?: string; now?: number } = {}): Promise<string> {
  return createEksToken({ cluster: CLUSTER, region: REGION, credentials: CALLER, now: Date.now(), ...change });
}

function ask(tokens: readonly string[]): Promise<readonly AuthenticatorAnswer[]> {
  return askAuthenticator({ clusterId: CLUSTER, region: REGION, sts: address, tokens });
}

type Verdict = 'accepted' | 'refused before STS is asked' | 'refused by STS';

function ourVerdict(token: string): Verdict {
  try {
    verifyEksToken(token, { clusterId: CLUSTER, region: REGION, now: Date.now(), callers: [CALLER] });
    return 'accepted';
  } catch (error) {
    if (!(error instanceof EksTokenRefusal)) throw error;
    return error.by === 'sts' ? 'refused by STS' : 'refused before STS is asked';
  }
}

function itsVerdict({ asked, error }: AuthenticatorAnswer): Verdict {
  if (!asked) return 'refused before STS is asked';
  return error === undefined ? 'accepted' : 'refused by STS';
}

const BEFORE: Verdict = 'refused before STS is asked';
const BY_STS: Verdict = 'refused by STS';
const inUrl = (from: string | RegExp, to: string) => async () => encode(decode(await makeToken()).replace(from, to));
const added = (text: string) => async () => encode(`${decode(await makeToken())}${text}`);
const changed = (change: (token: string) => string) => async () => change(await makeToken());

const CASES: readonly (readonly [string, Verdict, RegExp, () => Promise<string>])[] = [
  ['is valid', 'accepted', /^$/u, () => makeToken()],
  ['is almost 15 minutes old', 'accepted', /^$/u, () => makeToken({ now: Date.now() - 14 * MINUTE_MS })],
  [
    'is 16 minutes old',
    BEFORE,
    /X-Amz-Date parameter is expired/u,
    () => makeToken({ now: Date.now() - 16 * MINUTE_MS }),
  ],
  ['is of the future', BY_STS, /of the future/u, () => makeToken({ now: Date.now() + 16 * MINUTE_MS })],
  ['is for another cluster', BY_STS, /signature does not match/u, () => makeToken({ cluster: 'staging' })],
  ['is for another region', BY_STS, /not the STS endpoint/u, () => makeToken({ region: 'us-east-1' })],
  ['is for another partition', BEFORE, /unexpected hostname/u, () => makeToken({ region: 'us-gov-west-1' })],
  ['has a parameter more', BEFORE, /non-whitelisted query parameter "x-id"/u, added('&x-id=GetCallerIdentity')],
  ['has a parameter twice', BEFORE, /multiple values/u, added('&Action=GetCallerIdentity')],
  ['has a parameter twice, in other letters', BEFORE, /duplicate/u, added('&action=GetCallerIdentity')],
  ['has a semicolon in its query', BEFORE, /malformed query/u, added(';Version=1')],
  ['has half an escape in its query', BEFORE, /malformed query/u, added('&Version=%2')],
  ['asks for something else', BEFORE, /unexpected action/u, inUrl('GetCallerIdentity', 'GetSessionToken')],
  ['does not sign the cluster', BEFORE, /did not sign the x-k8s-aws-id/u, inUrl('x-k8s-aws-id', 'x-other')],
  ['does not sign the host', BY_STS, /header host is not signed/u, inUrl('host%3B', '')],
  ['would live for too long', BEFORE, /invalid X-Amz-Expires/u, inUrl('Expires=60', 'Expires=901')],
  ['lives for a second more than it signed', BY_STS, /signature does not match/u, inUrl('Expires=60', 'Expires=61')],
  ['says its life with a plus', BY_STS, /signature does not match/u, inUrl('Expires=60', 'Expires=%2B60')],
  ['has no date', BEFORE, /X-Amz-Date parameter must be present/u, inUrl(/X-Amz-Date=\w+/u, 'X-Amz-Date=')],
  ['has a date that no calendar has', BEFORE, /error parsing X-Amz-Date/u, inUrl(/Date=\d{8}/u, 'Date=20990230')],
  ['has parts of a second in its date', BY_STS, /of the future/u, inUrl(/(Date=\w+)Z/u, '$1.5Z')],
  ['goes to a host of somebody', BEFORE, /unexpected hostname/u, inUrl('.com/?', '.com.evil.example/?')],
  ['goes to a host in capitals', BEFORE, /unexpected hostname/u, inUrl('//sts', '//STS')],
  ['goes to a port', BEFORE, /unexpected hostname/u, inUrl('.com/?', '.com:443/?')],
  ['brings a user', BY_STS, /second authorization/u, inUrl('//sts', '//user:password@sts')],
  ['goes to a path', BEFORE, /unexpected path/u, inUrl('/?', '/x?')],
  ['goes to a path that a browser would tidy', BEFORE, /unexpected path/u, inUrl('/?', '/./?')],
  ['has a fragment, which is not sent', 'accepted', /^$/u, added('#here')],
  ['goes by http', BEFORE, /unexpected scheme "http"/u, inUrl('https:', 'http:')],
  ['writes https in capitals', 'accepted', /^$/u, inUrl('https:', 'HTTPS:')],
  ['has a line break', BEFORE, /invalid control character/u, added('\n')],
  ['is no URL', BEFORE, /unexpected scheme ""/u, async () => encode('hello')],
  ['has a letter of base64 too many', BEFORE, /illegal base64/u, changed((token) => withExtraLetter(token))],
  ['is padded', BEFORE, /illegal base64/u, changed((token) => `${token}=`)],
  ['is in the other base64', BEFORE, /illegal base64/u, changed((token) => `${token.slice(0, -2)}+/`)],
  ['is broken over two lines', 'accepted', /^$/u, changed((token) => `${token.slice(0, 40)}\r\n${token.slice(40)}`)],
  ['lacks the prefix', BEFORE, /missing expected "k8s-aws-v1\."/u, changed((token) => token.slice(1))],
  ['is too large', BEFORE, /too large/u, added(`&Version=${'x'.repeat(4000)}`)],
  ['is nothing', BEFORE, /missing expected/u, async () => ''],
];

/** A lone last letter carries six bits, which make no byte. */
function withExtraLetter(token: string): string {
  const letters = (token.length - PREFIX.length) % 4;
  return `${token}${'A'.repeat((5 - letters) % 4)}`;
}

describe('aws-iam-authenticator', () => {
  it('calls STS for our token, with the request as we signed it and the name of the cluster', async () => {
    const token = await makeToken();

    const [answer] = await ask([token]);

    expect(answer).toEqual({
      asked: true,
      canonicalArn: `arn:aws:iam::${ACCOUNT}:role/tidegate-production`,
      accessKeyId: 'ASIAEXAMPLE',
    });
    const { host, pathname, search } = new URL(decode(token));
    expect(calls).toEqual([{ host, url: `${pathname}${search}`, cluster: CLUSTER }]);
    expect(host).toBe('sts.eu-west-1.amazonaws.com');
  });

  it.each(CASES)('and ours agree on a token that %s: %s', async (_what, verdict, reason, make) => {
    const token = await make();

    const [answer] = await ask([token]);
    if (answer === undefined) throw new Error('authenticator said nothing');

    expect({ its: itsVerdict(answer), ours: ourVerdict(token), error: answer.error ?? '' }).toEqual({
      its: verdict,
      ours: verdict,
      error: expect.stringMatching(reason),
    });
    expect(calls).toHaveLength(verdict === BEFORE ? 0 : 1);
  });

  it('and ours agree on whatever a valid token is changed into', async () => {
    const url = Buffer.from(decode(await makeToken()));
    const changes = fc.sample(change(url.length), {
      seed: 42,
      numRuns: sampleSize(200, 5000),
    });
    const changed = changes.map(({ at, remove, insert, inToken }) =>
      inToken
        ? splice(Buffer.from(encode(url)), at, remove, insert).toString()
        : encode(splice(url, at, remove, insert)),
    );
    // A space at the end of a request line is none that a server could see.
    const tokens = changed.filter((token) => !/ (?:#.*)?$/u.test(decode(token)));

    const answers = await ask(tokens);

    expect(answers).toHaveLength(tokens.length);
    const disagreements = tokens.flatMap((token, index) => {
      const answer = answers[index];
      const [its, ours] = [answer === undefined ? undefined : itsVerdict(answer), ourVerdict(token)];
      return its === ours ? [] : [{ its, ours, error: answer?.error, url: decode(token), token }];
    });
    expect(disagreements).toEqual([]);
    // A property about refusals alone would hold for a verifier that refuses everything.
    expect(new Set(answers.map(itsVerdict))).toEqual(new Set(['accepted', BEFORE, BY_STS]));
  });

  it('is built once, from the version that go.mod names', async () => {
    const said: string[] = [];
    const binary = await ensureAuthenticator({ progress: (line) => said.push(line) });
    const { stdout } = await promisify(execFile)(binary, ['-version']);

    expect(said).toEqual([]);
    const goMod = await readFile(join(import.meta.dirname, '../../stand-ins/kubernetes/authenticator/go.mod'), 'utf8');
    expect(goMod).toContain(`\tsigs.k8s.io/aws-iam-authenticator ${stdout.trim()}\n`);
  });

  it('is never sent to an STS that is not on this machine', async () => {
    for (const sts of ['192.0.2.1:443', 'sts.eu-west-1.amazonaws.com:443', '127.0.0.1', '']) {
      const asked = askAuthenticator({ clusterId: CLUSTER, region: REGION, sts, tokens: [] });
      await expect(asked).rejects.toThrow(`flag -sts is "${sts}"; allowed: a loopback address with its port`);
    }
  });
});

interface Change {
  readonly at: number;
  readonly remove: number;
  readonly insert: string;
  readonly inToken: boolean;
}

/** A stretch taken out and something put in: a character, a piece that means something in a URL, or nothing. */
function change(length: number): fc.Arbitrary<Change> {
  const pieces = [
    '&',
    '=',
    '?',
    '#',
    '/',
    '@',
    ':',
    ';',
    '+',
    ' ',
    '%',
    '%2F',
    '%0',
    '\\',
    '\r\n',
    '\t',
    '&Action=',
    '&x',
  ];
  return fc.record({
    at: fc.nat({ max: length + 20 }),
    remove: fc.constantFrom(0, 0, 1, 1, 2, 5),
    insert: fc.oneof(
      fc.constantFrom('', ...pieces),
      fc.string({ unit: 'grapheme-ascii', maxLength: 2 }),
      fc.string({ unit: 'binary', maxLength: 2 }),
    ),
    inToken: fc.boolean(),
  });
}

function splice(bytes: Buffer, at: number, remove: number, insert: string): Buffer {
  return Buffer.concat([bytes.subarray(0, at), Buffer.from(insert), bytes.subarray(at + remove)]);
}
