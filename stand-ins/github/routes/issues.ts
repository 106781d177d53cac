import type { Exchange, Route } from '../core.ts';
import { actingAccount, apiUrl, nextId, nodeId, timestamp } from '../core.ts';
import { answerPage } from '../paginate.ts';
import { notFound, unprocessable } from '../problem.ts';
import { textOf } from '../read-body.ts';
import { showLogin } from '../show-account.ts';
import { associationOf, showLabel } from '../show-pull.ts';
import type { Comment, Pull, Repository } from '../state.ts';
import { checkLength } from '../text-bounds.ts';
import { onRepository } from './route.ts';

const READ = [{ issues: 'read' }, { pull_requests: 'read' }] as const;
const WRITE = [{ issues: 'write' }, { pull_requests: 'write' }] as const;

function issueOf(exchange: Exchange, repository: Repository): Pull {
  const number = Number(exchange.params['issue_number']);
  const pull = exchange.core.state.pulls.find((one) => one.repositoryId === repository.id && one.number === number);
  if (pull === undefined) throw notFound();
  return pull;
}

function commentOf(exchange: Exchange, repository: Repository): Comment {
  const id = Number(exchange.params['comment_id']);
  const comment = exchange.core.state.comments.find((one) => one.repositoryId === repository.id && one.id === id);
  if (comment === undefined) throw notFound();
  return comment;
}

function showComment(exchange: Exchange, repository: Repository, comment: Comment): Record<string, unknown> {
  const { core } = exchange;
  const api = `${apiUrl(core)}/repos/${repository.owner}/${repository.name}/issues`;
  const html = `${core.url}/${repository.owner}/${repository.name}/pull/${comment.number}`;
  return {
    id: comment.id,
    node_id: nodeId('IssueComment', comment.id),
    url: `${api}/comments/${comment.id}`,
    html_url: `${html}#issuecomment-${comment.id}`,
    issue_url: `${api}/${comment.number}`,
    user: showLogin(core, comment.user),
    body: comment.body,
    created_at: comment.createdAt,
    updated_at: comment.updatedAt,
    author_association: associationOf(core, repository, comment.user),
  };
}

function commentBody(exchange: Exchange): string {
  const body = textOf(exchange.body, 'body') ?? '';
  if (body.trim() === '') {
    throw unprocessable('Validation Failed', [{ resource: 'IssueComment', code: 'missing_field' }]);
  }
  checkLength('comment', body);
  return body;
}

function labelNames(body: Readonly<Record<string, unknown>>): string[] {
  const given = Array.isArray(body['labels']) ? body['labels'] : [];
  return given.flatMap((item: unknown) => {
    if (typeof item === 'string') return [item];
    const name = typeof item === 'object' && item !== null ? textOf({ ...item }, 'name') : undefined;
    return name === undefined ? [] : [name];
  });
}

function setLabels(exchange: Exchange, repository: Repository, kept: Pull['labels']) {
  const pull = issueOf(exchange, repository);
  const labels = [...kept];
  for (const name of labelNames(exchange.body)) {
    checkLength('label', name);
    const known = labels.some((label) => label.name.toLowerCase() === name.toLowerCase());
    if (!known) labels.push({ id: nextId(exchange.core), name, color: 'ededed' });
  }
  pull.labels = labels;
  pull.updatedAt = timestamp(exchange.core);
  return { status: 200, body: labels.map((label) => showLabel(exchange.core, repository, label)) };
}

/** Labels of and comments on pull requests. */
export const issueRoutes: readonly Route[] = [
  onRepository('GET', '/issues/{issue_number}/labels', READ, async (exchange, repository) =>
    answerPage(exchange, issueOf(exchange, repository).labels, (label) => showLabel(exchange.core, repository, label)),
  ),
  onRepository('POST', '/issues/{issue_number}/labels', WRITE, (exchange, repository) =>
    setLabels(exchange, repository, issueOf(exchange, repository).labels),
  ),
  onRepository('PUT', '/issues/{issue_number}/labels', WRITE, (exchange, repository) =>
    setLabels(exchange, repository, []),
  ),
  onRepository('DELETE', '/issues/{issue_number}/labels/{name}', WRITE, (exchange, repository) => {
    const pull = issueOf(exchange, repository);
    const kept = pull.labels.filter((label) => label.name.toLowerCase() !== exchange.params['name']?.toLowerCase());
    if (kept.length === pull.labels.length) throw notFound();
    pull.labels = kept;
    return { status: 200, body: kept.map((label) => showLabel(exchange.core, repository, label)) };
  }),
  onRepository('GET', '/issues/{issue_number}/comments', READ, async (exchange, repository) => {
    const { number } = issueOf(exchange, repository);
    const comments = exchange.core.state.comments.filter(
      (one) => one.repositoryId === repository.id && one.number === number,
    );
    return await answerPage(exchange, comments, (comment) => showComment(exchange, repository, comment));
  }),
  onRepository('POST', '/issues/{issue_number}/comments', WRITE, (exchange, repository) => {
    const { core } = exchange;
    const now = timestamp(core);
    const comment: Comment = {
      id: nextId(core),
      repositoryId: repository.id,
      number: issueOf(exchange, repository).number,
      user: actingAccount(core, exchange.actor).login,
      body: commentBody(exchange),
      createdAt: now,
      updatedAt: now,
    };
    core.state.comments.push(comment);
    return { status: 201, body: showComment(exchange, repository, comment) };
  }),
  onRepository('PATCH', '/issues/comments/{comment_id}', WRITE, (exchange, repository) => {
    const comment = commentOf(exchange, repository);
    comment.body = commentBody(exchange);
    comment.updatedAt = timestamp(exchange.core);
    return { status: 200, body: showComment(exchange, repository, comment) };
  }),
  onRepository('DELETE', '/issues/comments/{comment_id}', WRITE, (exchange, repository) => {
    const comment = commentOf(exchange, repository);
    exchange.core.state.comments = exchange.core.state.comments.filter((one) => one !== comment);
    return { status: 204 };
  }),
];
