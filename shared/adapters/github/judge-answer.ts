import { readRetryAfter } from '#shared/common/read-retry-after.ts';
import type { BranchRule } from '#shared/ports/change-host.ts';

import type { GitHubAnswer } from './github-answer.ts';

/** What an answer that says no comes to. */
export type Judgment =
  /** Too much was asked; `isNamed` when GitHub itself said until when. */
  | { readonly kind: 'limit'; readonly until: number; readonly why: string; readonly isNamed: boolean }
  /** What the credentials lack: `pull_requests: write`; undefined when GitHub does not say. */
  | { readonly kind: 'permission'; readonly lacks: string | undefined; readonly holder: 'app' | 'token' }
  | {
      readonly kind:
        'credentials' | 'forbidden' | 'suspended' | 'archived' | 'not-installed' | 'single-sign-on' | 'address';
    }
  /** A rule of the repository forbids what was to be done to a branch. */
  | { readonly kind: 'rule'; readonly rule: BranchRule }
  /** It is not there, or not yet. */
  | { readonly kind: 'missing' }
  | { readonly kind: 'refused' }
  /** Another try may do. */
  | { readonly kind: 'passing' };

const SECOND_MS = 1_000;
/** What GitHub asks for where it names no end. */
const UNNAMED_MS = 60 * SECOND_MS;
/** A budget is an hour's: an end that is further away than this is one of another clock. */
const LONGEST_BUDGET_MS = 65 * 60 * SECOND_MS;

const LIMIT_WORDS = /\brate limit|\babuse detection|\bsecondary rate\b/iu;
const LIMIT_PAGES = /rate-limit|abuse-/iu;
const PERMISSION_WORDS =
  /resource not accessible by|not granted to this installation|must have (?:admin|push|write|maintain)|requires? (?:admin|push|write) access|does not have (?:the correct|permission)/iu;
/** GitHub asks for a permission of its own where a commit changes what Actions run. */
const WORKFLOW_WORDS = /without `?workflows?`? (?:permission|scope)/iu;
const MISSING_WORDS =
  /\bdoes not exist\b|\bno commit found\b|\bcould not be found\b|\bcould not resolve\b|\bno object found\b|can't be blank|\bno commits between\b|\bhead invalid\b|\bnot found\b/iu;
const RULE_WORDS =
  /\brule violations?\b|\bqueued for merging\b|\badded to a merge queue\b|\bprotected (?:branch|ref)\b|\bcannot (?:force-push|create ref|update this|delete this)|\bbranch name must\b|\bthrough a pull request\b|\breference update failed\b|\bnot a fast.forward\b|\bverified signatures\b|\brequired status check/iu;

/**
 * Judges an answer by its status, its kinds of errors, its headers and the page that it refers to; by its words, read
 * broadly, where GitHub has no field for the fact.
 */
export function judgeAnswer(answer: GitHubAnswer, now: number): Judgment {
  const { status, headers, words, types } = answer;
  if (status === undefined || status >= 500 || status === 408) return { kind: 'passing' };
  if (isLimit(answer)) return limitOf(answer, now);
  if (status === 401) return { kind: 'credentials' };
  if (/\binstallation\b.*\bsuspended\b/iu.test(words)) return { kind: 'suspended' };
  if (/\barchived\b.*\bread-only\b/iu.test(words)) return { kind: 'archived' };
  if (headers['x-github-sso'] !== undefined && status === 403) return { kind: 'single-sign-on' };
  if (/\bIP allow list\b/iu.test(words)) return { kind: 'address' };
  if (/\bnot accessible to the parent installation\b/iu.test(words)) return { kind: 'not-installed' };
  if (WORKFLOW_WORDS.test(words)) return { kind: 'permission', lacks: 'workflows: write', holder: holderOf(answer) };
  if (RULE_WORDS.test(words)) return { kind: 'rule', rule: ruleOf(words) };
  if (types.includes('FORBIDDEN') || PERMISSION_WORDS.test(words)) return permissionOf(answer);
  if (status === 403) return lacksOf(answer) === undefined ? { kind: 'forbidden' } : permissionOf(answer);
  if (status === 404 || status === 410 || types.includes('NOT_FOUND')) return { kind: 'missing' };
  // A conflict and what GraphQL could not do are passing unless it is said what is not there.
  if (MISSING_WORDS.test(words)) return { kind: 'missing' };
  if (status === 409) return { kind: 'passing' };
  if (status === 200) return types.length === 0 ? { kind: 'passing' } : { kind: 'refused' };
  return { kind: 'refused' };
}

/** The budget that an answer says is used up by it, whatever else it says. */
export function budgetEnd(
  headers: GitHubAnswer['headers'],
  now: number,
): Extract<Judgment, { kind: 'limit' }> | undefined {
  if (headers['x-ratelimit-remaining'] !== '0' || !(Number(headers['x-ratelimit-limit']) > 1)) return undefined;
  const end = resetOf(headers, now);
  return end === undefined || end.until <= now ? undefined : { kind: 'limit', isNamed: true, ...end };
}

function isLimit({ status, headers, words, types, documentationUrl }: GitHubAnswer): boolean {
  if (status === 429 || types.includes('RATE_LIMITED')) return true;
  if (status !== 403 && status !== 200) return false;
  if (LIMIT_WORDS.test(words) || LIMIT_PAGES.test(documentationUrl)) return true;
  if (status === 200 || PERMISSION_WORDS.test(words)) return false;
  return headers['retry-after'] !== undefined || headers['x-ratelimit-remaining'] === '0';
}

function limitOf({ headers, words }: GitHubAnswer, now: number): Judgment {
  const isSecondary = /secondary|abuse/iu.test(words);
  const retryAfter = readRetryAfter(headers['retry-after'], now);
  if (retryAfter !== undefined) {
    const why = isSecondary ? 'too much was asked in a short time' : 'its limit is used up';
    return { kind: 'limit', isNamed: true, why, until: now + retryAfter };
  }
  const end = headers['x-ratelimit-remaining'] === '0' ? resetOf(headers, now) : undefined;
  if (end !== undefined) return { kind: 'limit', isNamed: true, ...end };
  return { kind: 'limit', isNamed: false, why: 'too much was asked in a short time', until: now + UNNAMED_MS };
}

/** By GitHub's own clock where it tells the time, so that ours may be wrong. */
function resetOf(
  headers: GitHubAnswer['headers'],
  now: number,
): { readonly until: number; readonly why: string } | undefined {
  const reset = Number(headers['x-ratelimit-reset'] ?? NaN) * SECOND_MS;
  if (!Number.isFinite(reset)) return undefined;
  const theirs = Date.parse(headers['date'] ?? '');
  const left = reset - (Number.isNaN(theirs) ? now : theirs);
  const limit = Number(headers['x-ratelimit-limit'] ?? NaN);
  const why = Number.isFinite(limit) ? `its budget of ${limit} an hour is used up` : 'its hourly budget is used up';
  if (left > LONGEST_BUDGET_MS) {
    const named = Number.isNaN(new Date(reset).valueOf()) ? 'no time' : new Date(reset).toISOString();
    const end = `GitHub names ${named} as its end, further away than an hour: one of the clocks is wrong`;
    return { until: now + LONGEST_BUDGET_MS, why: `${why}, and ${end}` };
  }
  // The new hour begins with that second.
  return { until: now + Math.max(left, 0) + SECOND_MS, why };
}

function permissionOf(answer: GitHubAnswer): Judgment {
  return { kind: 'permission', lacks: lacksOf(answer), holder: holderOf(answer) };
}

function holderOf({ words }: GitHubAnswer): 'app' | 'token' {
  return /personal access token|\boauth\b/iu.test(words) ? 'token' : 'app';
}

/** `pull_requests=write,contents=read; issues=write` as a person reads it. */
function lacksOf({ headers }: GitHubAnswer): string | undefined {
  const text = headers['x-accepted-github-permissions'];
  if (text === undefined || !/^[a-z_=,; ]{1,300}$/u.test(text)) return undefined;
  const sets = text
    .split(';')
    .map((set) => set.trim())
    .filter((set) => set !== '');
  const said = sets.map((set) =>
    set
      .split(',')
      .map((one) => one.trim().replace('=', ': '))
      .join(' and '),
  );
  return said.length === 0 ? undefined : said.join(', or ');
}

function ruleOf(words: string): BranchRule {
  if (/force-push|fast.forward/iu.test(words)) return 'force-push';
  if (/branch name must/iu.test(words)) return 'name';
  if (/creations? (?:being|is|are) restricted|cannot create/iu.test(words)) return 'creation';
  if (/cannot delete|deletions? (?:being|is|are) restricted/iu.test(words)) return 'deletion';
  if (/queued for merging|added to a merge queue/iu.test(words)) return 'queued';
  if (/through (?:a pull request|the merge queue)|approving review/iu.test(words)) return 'pull-request';
  if (/verified signatures/iu.test(words)) return 'signature';
  if (/status check/iu.test(words)) return 'status-check';
  return /protected|cannot update/iu.test(words) ? 'protected' : 'other';
}
