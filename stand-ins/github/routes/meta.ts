import type { Exchange, Route } from '../core.ts';

/** The key under which a caller's requests are counted. */
export function callerOf(exchange: Pick<Exchange, 'actor'>): string {
  const { actor } = exchange;
  if (actor.kind === 'user') return `user ${actor.account.login}`;
  if (actor.kind === 'app') return `app ${actor.app.id}`;
  if (actor.kind === 'installation') return `installation ${actor.installation.id}`;
  return 'anonymous';
}

/** What a caller may still ask, and facts about this server. */
export const metaRoutes: readonly Route[] = [
  {
    method: 'GET',
    template: '/rate_limit',
    needs: 'nothing',
    handle: (exchange) => {
      const core = exchange.core.rateLimits.budget(callerOf(exchange));
      return { status: 200, body: { resources: { core, search: core, graphql: core }, rate: core } };
    },
  },
  {
    method: 'GET',
    template: '/meta',
    needs: 'nothing',
    handle: () => ({
      status: 200,
      body: { verifiable_password_authentication: false, hooks: ['127.0.0.0/8'], git: ['127.0.0.0/8'] },
    }),
  },
];
