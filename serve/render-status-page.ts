import { createHash } from 'node:crypto';

import type { Concern } from '#shared/notify/find-concerns.ts';
import type { EventRecord, ObjectName, StatusRecord } from '#shared/records/journal-record.ts';
import { isCluster } from '#shared/records/journal-record.ts';

/** What a page tells of one object. */
export interface StatusPage {
  readonly object: ObjectName;
  /** Absent when nothing is known of it any more. */
  readonly status: StatusRecord | undefined;
  readonly concerns: readonly Concern[];
  /** Newest first. */
  readonly events: readonly EventRecord[];
  /** Takes out of a text what looks like a secret, or is one. */
  readonly redact: (text: string) => string;
  readonly now: number;
}

const STYLE = `:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}h1{font-size:1.3rem;overflow-wrap:anywhere}h2{font-size:1.05rem;margin-top:2rem}pre{white-space:pre-wrap;overflow-wrap:anywhere;padding:.6rem;border:1px solid;border-radius:4px}dt{font-weight:600;margin-top:.6rem}dd{margin:0;overflow-wrap:anywhere}li{margin-bottom:.8rem}small{opacity:.75}`;

/** Nothing is loaded, run, framed or told to anybody by the page, whatever a text in it says. */
export const STATUS_PAGE_HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  'content-security-policy': `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-robots-tag': 'noindex, nofollow',
};

/** Writes the page: HTML without scripts, in which every text from outside is text. */
export function renderStatusPage(page: StatusPage): string {
  const { object, status, concerns, events, redact } = page;
  const text = (value: string): string => escapeHtml(redact(value));
  const title = text(describeObject(object));
  return [
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">`,
    `<title>${title}</title><style>${STYLE}</style></head><body><h1>${title}</h1>`,
    ...(status === undefined ? ['<p>Nothing is known of it: it is gone from Git, or was never reconciled.</p>'] : []),
    ...(status?.suspended === true ? ['<p>It is suspended: nothing is applied or pruned.</p>'] : []),
    renderConcerns(concerns, text),
    status === undefined ? '' : renderStatus(status, text),
    renderEvents(events, text),
    `<p><small>Read at ${formatTime(page.now)}.</small></p></body></html>\n`,
  ].join('\n');
}

type Text = (value: string) => string;

function describeObject(object: ObjectName): string {
  if (isCluster(object)) return `Cluster ${object.cluster}`;
  const name = object.namespace === '' ? '' : ` ${object.namespace}/${object.name}`;
  return `${object.kind}${name} ${object.namespace === '' ? 'of' : 'in'} cluster ${object.cluster}`;
}

function renderConcerns(concerns: readonly Concern[], text: Text): string {
  if (concerns.length === 0) return '<p>Nothing waits for a person.</p>';
  const items = concerns.map(
    ({ reason, line, since, todo }) =>
      `<li><strong>${text(reason)}</strong> since ${formatTime(since)}<pre>${text(line)}</pre>To do: ${text(todo)}</li>`,
  );
  return `<h2>Waits for a person</h2><ul>${items.join('')}</ul>`;
}

function renderStatus(status: StatusRecord, text: Text): string {
  const { conditions, lastAttemptedRevision, lastAppliedRevision, report, details, observedAt } = status;
  const rows: (readonly [string, string | undefined])[] = [
    ['Last applied revision', lastAppliedRevision],
    ['Last attempted revision', lastAttemptedRevision],
    ['Commit', report === undefined ? undefined : `${report.commit} of ${report.repository}`],
    ['Objects in the last run', details['changes']],
    ['Last looked at', formatTime(observedAt)],
  ];
  const facts = rows.flatMap(([name, value]) =>
    value === undefined ? [] : [`<dt>${name}</dt><dd>${text(value)}</dd>`],
  );
  const told = conditions.map(
    ({ type, status: state, reason, message, lastTransitionTime }) =>
      `<li><strong>${type} is ${state}</strong>: ${text(reason)}, since ${formatTime(lastTransitionTime)}<pre>${text(message)}</pre></li>`,
  );
  const { withheld } = details;
  return [
    `<h2>Conditions</h2><ul>${told.join('')}</ul>`,
    withheld === undefined ? '' : `<h2>Not pruned</h2><pre>${text(withheld)}</pre>`,
    `<h2>Facts</h2><dl>${facts.join('')}</dl>`,
  ].join('\n');
}

function renderEvents(events: readonly EventRecord[], text: Text): string {
  if (events.length === 0) return '';
  const items = events.map(
    ({ at, severity, reason, message, revision }) =>
      `<li>${formatTime(at)} <strong>${text(reason)}</strong> (${severity})${revision === undefined ? '' : ` <small>${text(revision)}</small>`}<pre>${text(message)}</pre></li>`,
  );
  return `<h2>Events</h2><ul>${items.join('')}</ul>`;
}

function formatTime(ms: number): string {
  const time = new Date(ms);
  return Number.isNaN(time.getTime()) ? 'unknown' : time.toISOString();
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeHtml(value: string): string {
  return value.toWellFormed().replace(/[&<>"']/gu, (character) => ESCAPES[character] ?? '');
}
