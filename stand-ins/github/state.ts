import { appendFile, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';

/** The level of one permission of an App or token. */
export type Permissions = Readonly<Record<string, 'read' | 'write' | 'admin'>>;

/** A user, organization or bot. */
export type Account = {
  readonly id: number;
  readonly login: string;
  readonly type: 'User' | 'Organization' | 'Bot';
  readonly name: string;
  readonly email: string;
  readonly createdAt: string;
};

/** Login of GitHub's own account, which acts for whoever uses its pages. */
export const WEB_FLOW = 'web-flow';

/** Whether an account is GitHub's own and no person's. */
export function isWebFlow({ login }: Account): boolean {
  return login === WEB_FLOW;
}

/** Where and how a hook is called. */
export type HookConfig = {
  url: string;
  content_type: 'json' | 'form';
  insecure_ssl: '0' | '1';
  secret?: string;
};

/** A GitHub App; its hook is called for every installation. */
export type App = {
  readonly id: number;
  readonly slug: string;
  readonly name: string;
  readonly owner: string;
  readonly clientId: string;
  readonly privateKey: string;
  readonly publicKey: string;
  readonly permissions: Permissions;
  readonly events: readonly string[];
  readonly hookId: number;
  readonly createdAt: string;
  hook: HookConfig | null;
};

/** What the manifest flow hands to the browser: good for the App's key once, for an hour. */
export type ManifestCode = { readonly code: string; readonly appId: number; readonly expiresAt: string };

/** An App on an account: on all its repositories or on some. */
export type Installation = {
  readonly id: number;
  readonly appId: number;
  readonly account: string;
  readonly permissions: Permissions;
  readonly createdAt: string;
  repositoryIds: number[] | 'all';
  suspendedAt: string | null;
};

/** A bearer token and what it may do. */
export type Token =
  | { readonly kind: 'user'; readonly token: string; readonly login: string; readonly repositoryIds: number[] | 'all' }
  | {
      readonly kind: 'installation';
      readonly token: string;
      readonly installationId: number;
      readonly repositoryIds: number[] | 'all';
      readonly permissions: Permissions;
      readonly expiresAt: string;
    };

/** What a ruleset asks of branches, under GitHub's names. `branches` is a pattern: `*` ends at a slash, `**` does not. */
export type BranchRule =
  | {
      readonly type: 'creation' | 'deletion' | 'non_fast_forward' | 'required_linear_history' | 'merge_queue';
      readonly branches: string;
    }
  | { readonly type: 'branch_name_pattern'; readonly branches: string; readonly pattern: string }
  | { readonly type: 'pull_request'; readonly branches: string; readonly approvals: number }
  | {
      readonly type: 'required_status_checks';
      readonly branches: string;
      readonly contexts: readonly string[];
      /** A branch has to hold the newest commits of its base before it is merged. */
      readonly strict: boolean;
    };

/** A repository; its content is the bare repository on disk. */
export type Repository = {
  readonly id: number;
  readonly private: boolean;
  readonly createdAt: string;
  owner: string;
  name: string;
  defaultBranch: string;
  nextNumber: number;
  pushedAt: string;
  archived: boolean;
  deleteBranchOnMerge: boolean;
  rules: readonly BranchRule[];
  /** `owner/name` that it had before; requests for them are sent on. */
  earlierNames: string[];
  /** Names that branches had before, with those that they have now. */
  earlierBranches: Record<string, string>;
};

/** A pull request between two branches of one repository. */
export type Pull = {
  readonly id: number;
  readonly repositoryId: number;
  readonly number: number;
  readonly user: string;
  readonly head: string;
  readonly createdAt: string;
  base: string;
  baseSha: string;
  headSha: string;
  title: string;
  body: string | null;
  state: 'open' | 'closed';
  draft: boolean;
  labels: Label[];
  updatedAt: string;
  closedAt: string | null;
  mergedAt: string | null;
  mergedBy: string | null;
  mergeCommitSha: string | null;
  /** Logins of those who approved it. */
  approvals: string[];
  autoMerge: { readonly by: string; readonly method: 'merge' | 'squash' } | null;
  queuedAt: string | null;
};

/** A label of a pull request. */
export type Label = { readonly id: number; readonly name: string; readonly color: string };

/** A comment on a pull request. */
export type Comment = {
  readonly id: number;
  readonly repositoryId: number;
  readonly number: number;
  readonly user: string;
  readonly createdAt: string;
  body: string;
  updatedAt: string;
};

/** A commit status. */
export type Status = {
  readonly id: number;
  readonly repositoryId: number;
  readonly sha: string;
  readonly context: string;
  readonly state: string;
  readonly description: string | null;
  readonly targetUrl: string | null;
  readonly creator: string;
  readonly createdAt: string;
};

/** A check run of an App. */
export type CheckRun = {
  readonly id: number;
  readonly repositoryId: number;
  readonly appId: number;
  readonly headSha: string;
  values: Record<string, unknown>;
};

/** A deployment and the statuses it was given. */
export type Deployment = {
  readonly id: number;
  readonly repositoryId: number;
  readonly sha: string;
  readonly ref: string;
  readonly task: string;
  readonly environment: string;
  readonly description: string | null;
  readonly payload: unknown;
  readonly transient: boolean;
  readonly production: boolean;
  readonly creator: string;
  readonly createdAt: string;
  readonly statuses: DeploymentStatus[];
};

/** One status of a deployment. */
export type DeploymentStatus = {
  readonly id: number;
  readonly state: string;
  readonly description: string;
  readonly environmentUrl: string;
  readonly logUrl: string;
  readonly creator: string;
  readonly createdAt: string;
};

/** A webhook of a repository. */
export type Hook = {
  readonly id: number;
  readonly repositoryId: number;
  readonly createdAt: string;
  active: boolean;
  events: string[];
  config: HookConfig;
  updatedAt: string;
  lastResponse: { readonly code: number | null; readonly status: string; readonly message: string | null };
};

/** One attempt to call a hook. */
export type Delivery = {
  readonly id: number;
  readonly hookId: number;
  readonly guid: string;
  readonly event: string;
  readonly action: string | null;
  readonly installationId: number | null;
  readonly repositoryId: number | null;
  readonly redelivery: boolean;
  readonly deliveredAt: string;
  readonly duration: number;
  readonly status: string;
  readonly statusCode: number;
  readonly requestHeaders: Readonly<Record<string, string>>;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly responseHeaders: Readonly<Record<string, string>>;
  readonly responseBody: string;
};

/** Everything this GitHub knows that is not git. */
export type State = {
  nextId: number;
  accounts: Account[];
  apps: App[];
  manifestCodes: ManifestCode[];
  installations: Installation[];
  tokens: Token[];
  repositories: Repository[];
  pulls: Pull[];
  comments: Comment[];
  statuses: Status[];
  checkRuns: CheckRun[];
  deployments: Deployment[];
  hooks: Hook[];
  deliveries: Delivery[];
  verifiedCommits: Record<string, string>;
};

function emptyState(): State {
  return {
    nextId: 1001,
    accounts: [],
    apps: [],
    manifestCodes: [],
    installations: [],
    tokens: [],
    repositories: [],
    pulls: [],
    comments: [],
    statuses: [],
    checkRuns: [],
    deployments: [],
    hooks: [],
    deliveries: [],
    verifiedCommits: {},
  };
}

/** What a repository is like that nobody has set up. */
export function untouchedRepository() {
  return {
    archived: false,
    deleteBranchOnMerge: false,
    rules: [],
    earlierNames: [],
    earlierBranches: {},
  } satisfies Partial<Repository>;
}

/** What a pull request is like that nobody has acted on. */
export function untouchedPull() {
  return { approvals: [], autoMerge: null, queuedAt: null } satisfies Partial<Pull>;
}

/** Fills in what a state does not say that was written before there was such a thing. */
function complete(state: State): State {
  return {
    ...state,
    repositories: state.repositories.map((one) => ({ ...untouchedRepository(), ...one })),
    pulls: state.pulls.map((one) => ({ ...untouchedPull(), ...one })),
    installations: state.installations.map((one) => ({ ...one, suspendedAt: one.suspendedAt ?? null })),
  };
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

function isDelivery(value: unknown): value is Delivery {
  return typeof value === 'object' && value !== null && 'guid' in value && 'id' in value;
}

function parseLine(line: string): Delivery[] {
  try {
    const value: unknown = JSON.parse(line);
    return isDelivery(value) ? [value] : [];
  } catch {
    // The last line of a run that was killed while writing it.
    return [];
  }
}

async function readIfThere(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/** Reads the state that an earlier run left in the folder, or starts with nothing. */
export async function loadState(root: string): Promise<State> {
  const text = await readIfThere(path.join(root, 'state.json'));
  const lines = (await readIfThere(path.join(root, 'deliveries.jsonl')))?.split('\n') ?? [];
  // Our own file, replaced whole by rename: what is there was written by the saver below.
  const saved = text === null ? {} : (JSON.parse(text) as Partial<State>);
  const state = complete({ ...emptyState(), ...saved, deliveries: lines.flatMap(parseLine) });
  state.nextId = Math.max(state.nextId, ...state.deliveries.map((one) => one.id));
  return state;
}

/** Keeps a delivery: payloads are large and never change, so they are added to a file of their own. */
export async function keepDelivery(root: string, delivery: Delivery): Promise<void> {
  await appendFile(path.join(root, 'deliveries.jsonl'), `${JSON.stringify(delivery)}\n`);
}

/** A saver that writes the state through to the folder; calls made while it writes share the next write. */
export function makeStateSaver(root: string, state: State): () => Promise<void> {
  let running: Promise<void> | null = null;
  let next: Promise<void> | null = null;
  async function write(): Promise<void> {
    await mkdir(root, { recursive: true });
    const file = path.join(root, 'state.json');
    await writeFile(`${file}.new`, JSON.stringify({ ...state, deliveries: [] }));
    await rename(`${file}.new`, file);
  }
  function start(): Promise<void> {
    running = write().finally(() => {
      running = null;
    });
    return running;
  }
  return () => {
    if (running === null) return start();
    next ??= running
      .catch(() => undefined)
      .then(() => {
        next = null;
        return start();
      });
    return next;
  };
}
