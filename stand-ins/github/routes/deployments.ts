import type { Exchange, Route } from '../core.ts';
import { actingAccount, apiUrl, gitDirectory, nextId, nodeId, timestamp } from '../core.ts';
import { readCommit } from '../git-objects.ts';
import { answerPage } from '../paginate.ts';
import { notFound, Problem, unprocessable } from '../problem.ts';
import { textOf, textsOf } from '../read-body.ts';
import { showLogin } from '../show-account.ts';
import type { Deployment, DeploymentStatus, Repository } from '../state.ts';
import { onRepository } from './route.ts';

const READ = { deployments: 'read' } as const;
const WRITE = { deployments: 'write' } as const;

function deploymentOf(exchange: Exchange, repository: Repository): Deployment {
  const id = Number(exchange.params['deployment_id']);
  const found = exchange.core.state.deployments.find((one) => one.repositoryId === repository.id && one.id === id);
  if (found === undefined) throw notFound();
  return found;
}

function deploymentUrl(exchange: Exchange, repository: Repository, deployment: Deployment): string {
  return `${apiUrl(exchange.core)}/repos/${repository.owner}/${repository.name}/deployments/${deployment.id}`;
}

function showDeployment(exchange: Exchange, repository: Repository, deployment: Deployment): Record<string, unknown> {
  const url = deploymentUrl(exchange, repository, deployment);
  return {
    url,
    id: deployment.id,
    node_id: nodeId('Deployment', deployment.id),
    sha: deployment.sha,
    ref: deployment.ref,
    task: deployment.task,
    payload: deployment.payload ?? {},
    original_environment: deployment.environment,
    environment: deployment.environment,
    description: deployment.description,
    creator: showLogin(exchange.core, deployment.creator),
    created_at: deployment.createdAt,
    updated_at: deployment.statuses.at(-1)?.createdAt ?? deployment.createdAt,
    statuses_url: `${url}/statuses`,
    repository_url: `${apiUrl(exchange.core)}/repos/${repository.owner}/${repository.name}`,
    transient_environment: deployment.transient,
    production_environment: deployment.production,
  };
}

function showDeploymentStatus(
  exchange: Exchange,
  repository: Repository,
  deployment: Deployment,
  status: DeploymentStatus,
): Record<string, unknown> {
  const url = deploymentUrl(exchange, repository, deployment);
  return {
    url: `${url}/statuses/${status.id}`,
    id: status.id,
    node_id: nodeId('DeploymentStatus', status.id),
    state: status.state,
    creator: showLogin(exchange.core, status.creator),
    description: status.description,
    environment: deployment.environment,
    target_url: status.logUrl,
    log_url: status.logUrl,
    environment_url: status.environmentUrl,
    created_at: status.createdAt,
    updated_at: status.createdAt,
    deployment_url: url,
    repository_url: `${apiUrl(exchange.core)}/repos/${repository.owner}/${repository.name}`,
  };
}

function requireContexts(exchange: Exchange, repository: Repository, sha: string): void {
  const all = exchange.core.state.statuses.filter((one) => one.repositoryId === repository.id && one.sha === sha);
  const required = textsOf(exchange.body, 'required_contexts') ?? [...new Set(all.map((one) => one.context))];
  const bad = required.filter((context) => all.findLast((one) => one.context === context)?.state !== 'success');
  if (bad.length === 0) return;
  throw new Problem(409, `Conflict: Commit status checks failed for ${textOf(exchange.body, 'ref') ?? sha}.`, {
    errors: [
      {
        contexts: bad.map((context) => ({ context, state: 'pending' })),
        resource: 'Deployment',
        field: 'required_contexts',
        code: 'invalid',
      },
    ],
  });
}

async function createDeployment(exchange: Exchange, repository: Repository) {
  const { core, body } = exchange;
  const directory = gitDirectory(core, repository);
  const ref = textOf(body, 'ref') ?? '';
  const commit = (await readCommit(directory, `refs/heads/${ref}`)) ?? (await readCommit(directory, ref));
  if (commit === null) throw unprocessable(`No ref found for: ${ref}`);
  requireContexts(exchange, repository, commit.sha);
  const environment = textOf(body, 'environment') ?? 'production';
  const production = body['production_environment'];
  const deployment: Deployment = {
    id: nextId(core),
    repositoryId: repository.id,
    sha: commit.sha,
    ref,
    environment,
    statuses: [],
    task: textOf(body, 'task') ?? 'deploy',
    description: textOf(body, 'description') ?? null,
    payload: body['payload'] ?? {},
    transient: body['transient_environment'] === true,
    production: typeof production === 'boolean' ? production : environment === 'production',
    creator: actingAccount(core, exchange.actor).login,
    createdAt: timestamp(core),
  };
  core.state.deployments.push(deployment);
  return { status: 201, body: showDeployment(exchange, repository, deployment) };
}

function addStatus(exchange: Exchange, deployment: Deployment, state: string): DeploymentStatus {
  const { core, body } = exchange;
  const status: DeploymentStatus = {
    id: nextId(core),
    state,
    description: textOf(body, 'description') ?? '',
    environmentUrl: textOf(body, 'environment_url') ?? '',
    createdAt: timestamp(core),
    logUrl: textOf(body, 'log_url') ?? textOf(body, 'target_url') ?? '',
    creator: actingAccount(core, exchange.actor).login,
  };
  deployment.statuses.push(status);
  return status;
}

function createDeploymentStatus(exchange: Exchange, repository: Repository) {
  const { core, body } = exchange;
  const deployment = deploymentOf(exchange, repository);
  const state = textOf(body, 'state') ?? 'pending';
  const status = addStatus(exchange, deployment, state);
  if (state === 'success' && body['auto_inactive'] !== false) {
    for (const other of core.state.deployments) {
      const isSame = other.repositoryId === repository.id && other.environment === deployment.environment;
      const isOlder = other.id < deployment.id && !other.transient && !other.production;
      if (isSame && isOlder && other.statuses.at(-1)?.state !== 'inactive') addStatus(exchange, other, 'inactive');
    }
  }
  return { status: 201, body: showDeploymentStatus(exchange, repository, deployment, status) };
}

/** Deployments and their statuses. */
export const deploymentRoutes: readonly Route[] = [
  onRepository('POST', '/deployments', WRITE, createDeployment),
  onRepository('GET', '/deployments', READ, async (exchange, repository) => {
    const { core, query } = exchange;
    const wanted = (['sha', 'ref', 'task', 'environment'] as const).map((key) => [key, query.get(key)] as const);
    const found = core.state.deployments
      .filter((one) => one.repositoryId === repository.id)
      .filter((one) => wanted.every(([key, value]) => value === null || value === 'none' || one[key] === value));
    return await answerPage(exchange, found.toReversed(), (one) => showDeployment(exchange, repository, one));
  }),
  onRepository('GET', '/deployments/{deployment_id}', READ, (exchange, repository) => ({
    status: 200,
    body: showDeployment(exchange, repository, deploymentOf(exchange, repository)),
  })),
  onRepository('POST', '/deployments/{deployment_id}/statuses', WRITE, createDeploymentStatus),
  onRepository('GET', '/deployments/{deployment_id}/statuses', READ, async (exchange, repository) => {
    const deployment = deploymentOf(exchange, repository);
    const newest = deployment.statuses.toReversed();
    return await answerPage(exchange, newest, (one) => showDeploymentStatus(exchange, repository, deployment, one));
  }),
];
