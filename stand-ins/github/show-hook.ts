import type { Core } from './core.ts';
import { apiUrl } from './core.ts';
import type { Hook, Repository } from './state.ts';

/** A repository's hook, its secret hidden. */
export function showHook(core: Core, repository: Repository, hook: Hook): Record<string, unknown> {
  const url = `${apiUrl(core)}/repos/${repository.owner}/${repository.name}/hooks/${hook.id}`;
  return {
    type: 'Repository',
    id: hook.id,
    name: 'web',
    active: hook.active,
    events: hook.events,
    config: { ...hook.config, ...(hook.config.secret === undefined ? {} : { secret: '********' }) },
    created_at: hook.createdAt,
    updated_at: hook.updatedAt,
    url,
    test_url: `${url}/test`,
    ping_url: `${url}/pings`,
    deliveries_url: `${url}/deliveries`,
    last_response: hook.lastResponse,
  };
}
