/**
 * The name of an output that is about one cluster: `ReconcileRole` and `prod-eu` make `ReconcileRoleProdEu`. It says which
 * cluster it means, whatever others there are, and no two clusters have the same: CloudFormation allows letters and digits
 * only, so a dash is told by the capital after it, and by an `X` where no letter follows that could be one.
 */
export function outputName(what: string, cluster: string): string {
  const [first = '', ...rest] = cluster;
  const told = rest
    .join('')
    .replaceAll(/-(?<next>[a-wyz])/gu, (_match, next: string) => next.toUpperCase())
    .replaceAll('-', 'X');
  return `${what}${first.toUpperCase()}${told}`;
}
