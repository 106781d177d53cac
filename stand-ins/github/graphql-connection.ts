/** How much of a connection is asked for. */
export type PageArguments = {
  readonly first?: number | null;
  readonly last?: number | null;
  readonly after?: string | null;
};

const CURSOR = 'cursor:';

/** A page of a connection: cursors are opaque, the arguments are GitHub's. */
export function connectionOf(all: readonly unknown[], { first, last, after }: PageArguments): Record<string, unknown> {
  const start = after === undefined || after === null ? 0 : indexAfter(after);
  const rest = all.slice(start);
  const limited = first === undefined || first === null ? rest : rest.slice(0, first);
  const nodes = last === undefined || last === null ? limited : limited.slice(-last);
  const end = start + limited.length;
  return {
    nodes,
    totalCount: all.length,
    pageInfo: {
      hasNextPage: end < all.length,
      hasPreviousPage: start > 0,
      startCursor: nodes.length === 0 ? null : cursorAt(start),
      endCursor: nodes.length === 0 ? null : cursorAt(end - 1),
    },
  };
}

function cursorAt(index: number): string {
  return Buffer.from(`${CURSOR}${index}`).toString('base64');
}

function indexAfter(cursor: string): number {
  const text = Buffer.from(cursor, 'base64').toString();
  return text.startsWith(CURSOR) ? Number(text.slice(CURSOR.length)) + 1 : 0;
}
