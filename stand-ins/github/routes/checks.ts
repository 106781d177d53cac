import { mergeWhatIsReady } from '../auto-merge.ts';
import type { Exchange, Route } from '../core.ts';
import { apiUrl, gitDirectory, nextId, nodeId, timestamp } from '../core.ts';
import { readCommit } from '../git-objects.ts';
import { linkHeader, pageOf } from '../paginate.ts';
import { forbidden, notFound, unprocessable } from '../problem.ts';
import { objectOf, textOf } from '../read-body.ts';
import { showApp } from '../show-account.ts';
import type { CheckRun, Repository } from '../state.ts';
import { onRepository } from './route.ts';

const READ = { checks: 'read' } as const;
const WRITE = { checks: 'write' } as const;
const MAX_TEXT = 65_535;

function checkRunOf(exchange: Exchange, repository: Repository): CheckRun {
  const id = Number(exchange.params['check_run_id']);
  const found = exchange.core.state.checkRuns.find((one) => one.repositoryId === repository.id && one.id === id);
  if (found === undefined) throw notFound();
  return found;
}

function showCheckRun(exchange: Exchange, repository: Repository, run: CheckRun): Record<string, unknown> {
  const { core } = exchange;
  const { values } = run;
  const app = core.state.apps.find((one) => one.id === run.appId);
  const url = `${apiUrl(core)}/repos/${repository.owner}/${repository.name}/check-runs/${run.id}`;
  const output = objectOf(values, 'output') ?? {};
  const annotations = Array.isArray(output['annotations']) ? output['annotations'].length : 0;
  return {
    id: run.id,
    node_id: nodeId('CheckRun', run.id),
    head_sha: run.headSha,
    external_id: textOf(values, 'external_id') ?? '',
    url,
    html_url: `${core.url}/${repository.owner}/${repository.name}/runs/${run.id}`,
    details_url: textOf(values, 'details_url') ?? null,
    status: textOf(values, 'status') ?? 'queued',
    conclusion: textOf(values, 'conclusion') ?? null,
    started_at: textOf(values, 'started_at') ?? null,
    completed_at: textOf(values, 'completed_at') ?? null,
    output: {
      title: textOf(output, 'title') ?? null,
      summary: textOf(output, 'summary') ?? null,
      text: textOf(output, 'text') ?? null,
      annotations_count: annotations,
      annotations_url: `${url}/annotations`,
    },
    name: textOf(values, 'name') ?? '',
    check_suite: { id: run.appId },
    app: app === undefined ? null : showApp(core, app),
    pull_requests: [],
  };
}

/** What a request sets, with what follows from it: a conclusion completes, completing has a time. */
function valuesOf(exchange: Exchange, old: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { body, core } = exchange;
  const values = { ...old, ...body };
  const output = objectOf(values, 'output') ?? {};
  for (const key of ['summary', 'text']) {
    const length = textOf(output, key)?.length ?? 0;
    if (length > MAX_TEXT) {
      throw unprocessable(`Invalid request.\n\nOnly ${MAX_TEXT} characters are allowed; ${length} were supplied.`);
    }
  }
  if (textOf(body, 'conclusion') !== undefined) values['status'] = 'completed';
  if (values['status'] === 'completed') {
    if (textOf(values, 'conclusion') === undefined) {
      throw unprocessable('Invalid request.\n\nMissing required key: conclusion.');
    }
    values['completed_at'] = textOf(body, 'completed_at') ?? timestamp(core);
  }
  return { ...values, started_at: textOf(values, 'started_at') ?? timestamp(core) };
}

/** Check runs, which only Apps may write. */
export const checkRoutes: readonly Route[] = [
  onRepository('POST', '/check-runs', WRITE, async (exchange, repository) => {
    const { core, actor, body } = exchange;
    if (actor.kind !== 'installation') throw forbidden();
    const headSha = textOf(body, 'head_sha') ?? '';
    if ((await readCommit(gitDirectory(core, repository), headSha)) === null) {
      throw unprocessable(`No commit found for SHA: ${headSha}`);
    }
    const ids = { id: nextId(core), repositoryId: repository.id, appId: actor.app.id };
    const run: CheckRun = { ...ids, headSha, values: valuesOf(exchange, {}) };
    core.state.checkRuns.push(run);
    await mergeWhatIsReady(core, repository);
    return { status: 201, body: showCheckRun(exchange, repository, run) };
  }),
  onRepository('PATCH', '/check-runs/{check_run_id}', WRITE, async (exchange, repository) => {
    const run = checkRunOf(exchange, repository);
    const { actor } = exchange;
    if (actor.kind !== 'installation' || actor.app.id !== run.appId) throw forbidden();
    run.values = valuesOf(exchange, run.values);
    await mergeWhatIsReady(exchange.core, repository);
    return { status: 200, body: showCheckRun(exchange, repository, run) };
  }),
  onRepository('GET', '/check-runs/{check_run_id}', READ, (exchange, repository) => ({
    status: 200,
    body: showCheckRun(exchange, repository, checkRunOf(exchange, repository)),
  })),
  onRepository('GET', '/commits/{ref}/check-runs', READ, async (exchange, repository) => {
    const commit = await readCommit(gitDirectory(exchange.core, repository), exchange.params['ref'] ?? '');
    if (commit === null) throw unprocessable(`No commit found for SHA: ${exchange.params['ref']}`);
    const name = exchange.query.get('check_name');
    const runs = exchange.core.state.checkRuns
      .filter((one) => one.repositoryId === repository.id && one.headSha === commit.sha)
      .filter((one) => name === null || one.values['name'] === name);
    const { page, perPage } = pageOf(exchange.query);
    const shown = runs.slice((page - 1) * perPage, page * perPage);
    const body = { total_count: runs.length, check_runs: shown.map((run) => showCheckRun(exchange, repository, run)) };
    return { status: 200, body, headers: linkHeader(exchange, runs.length) };
  }),
];
