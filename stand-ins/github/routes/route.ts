import type { Answer, Exchange, Route } from '../core.ts';
import type { App, Permissions, Repository } from '../state.ts';

/** An endpoint of a repository; `needs` may name alternatives of which one suffices. */
export function onRepository(
  method: string,
  path: string,
  needs: Permissions | readonly Permissions[],
  handle: (exchange: Exchange, repository: Repository) => Promise<Answer> | Answer,
): Route {
  return {
    method,
    template: `/repos/{owner}/{repo}${path}`,
    needs: isList(needs) ? needs : [needs],
    handle: (exchange) => {
      if (exchange.repository === null) throw new Error(`no repository was found for ${path}`);
      return handle(exchange, exchange.repository);
    },
  };
}

function isList(needs: Permissions | readonly Permissions[]): needs is readonly Permissions[] {
  return Array.isArray(needs);
}

/** An endpoint that only an App itself may use, with its JSON web token. */
export function onApp(
  method: string,
  template: string,
  handle: (exchange: Exchange, app: App) => Promise<Answer> | Answer,
): Route {
  return {
    method,
    template,
    needs: 'app',
    handle: (exchange) => {
      if (exchange.actor.kind !== 'app') throw new Error(`${template} was reached without an App`);
      return handle(exchange, exchange.actor.app);
    },
  };
}
