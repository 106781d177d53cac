import type { Core } from './core.ts';
import { timestamp } from './core.ts';
import type { Person } from './git-objects.ts';
import { WEB_FLOW } from './state.ts';

const EMAIL = 'noreply@github.com';
/** Its number on github.com. */
const ID = 19_864_447;

/** GitHub itself, the committer of what is made through its pages and merges. */
export function webFlow(core: Core): Person {
  return { name: 'GitHub', email: EMAIL, date: timestamp(core) };
}

/** The account that GitHub's own commits are by. */
export function ensureWebFlow(core: Core): void {
  if (core.state.accounts.some(({ login }) => login === WEB_FLOW)) return;
  core.state.accounts.push({
    id: ID,
    login: WEB_FLOW,
    type: 'User',
    name: 'GitHub',
    email: EMAIL,
    createdAt: timestamp(core),
  });
}
