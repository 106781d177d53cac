import type { Answer, Exchange } from './core.ts';

/** The page and page size that a request asks for. */
export function pageOf(query: URLSearchParams): { readonly page: number; readonly perPage: number } {
  const page = Math.max(1, Number(query.get('page') ?? 1) || 1);
  const perPage = Math.min(100, Math.max(1, Number(query.get('per_page') ?? 30) || 30));
  return { page, perPage };
}

/** The Link header that leads to the other pages. */
export function linkHeader(exchange: Exchange, total: number): Readonly<Record<string, string>> {
  const { page, perPage } = pageOf(exchange.query);
  const last = Math.max(1, Math.ceil(total / perPage));
  const links: string[] = [];
  const add = (rel: string, target: number): void => {
    const url = new URL(exchange.url);
    url.searchParams.set('page', String(target));
    links.push(`<${url.href}>; rel="${rel}"`);
  };
  if (page > 1) add('prev', page - 1);
  if (page < last) add('next', page + 1);
  if (page < last) add('last', last);
  if (page > 1) add('first', 1);
  return links.length === 0 ? {} : { link: links.join(', ') };
}

/** Answers one page of a list that is in hand. */
export async function answerPage<T>(
  exchange: Exchange,
  items: readonly T[],
  show: (item: T) => unknown,
): Promise<Answer> {
  const { page, perPage } = pageOf(exchange.query);
  const shown = items.slice((page - 1) * perPage, page * perPage);
  return { status: 200, body: await Promise.all(shown.map(show)), headers: linkHeader(exchange, items.length) };
}
