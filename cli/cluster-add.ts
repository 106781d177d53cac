import { describeEksCluster } from '#shared/adapters/eks/describe-eks-cluster.ts';
import { replaceFile } from '#shared/adapters/disk/replace-file.ts';
import { TidegateError } from '#shared/errors/tidegate-error.ts';
import { checkWantedCluster, planClusterAddition } from './plan-cluster-addition.ts';
import type { ClusterAddition } from './plan-cluster-addition.ts';
import type { CommandProcess } from './command-process.ts';
import { formatDiff } from './format-diff.ts';
import { readSettingsText } from './read-settings.ts';

export interface ClusterAddOptions {
  readonly config: string;
  readonly region: string;
  readonly eksName?: string;
  readonly path?: string;
  readonly profile?: 'platform' | 'workload';
  readonly namespace?: readonly string[];
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/**
 * `tidegate cluster add`: reads a cluster from EKS and writes it into the settings.
 * @returns 0 when it is there, 1 when EKS cannot be asked, 2 when the cluster or the settings do not fit.
 */
export async function clusterAdd(
  name: string,
  options: ClusterAddOptions,
  io: Pick<CommandProcess, 'stdout' | 'stderr'>,
): Promise<number> {
  const { config: file, dryRun = false } = options;
  const read = await readSettingsText(file);
  if ('fault' in read) return show(refusal(`${file}: ${read.fault}`), '');
  const { text } = read;
  const wanted = {
    name,
    path: options.path ?? `./clusters/${name}`,
    eksName: options.eksName ?? name,
    region: options.region,
    ...(options.profile === undefined ? {} : { profile: options.profile }),
    ...(options.namespace === undefined ? {} : { namespaces: options.namespace }),
  };
  const problems = checkWantedCluster(text, file, wanted);
  if (problems.length > 0) return show({ outcome: 'refused', problems }, '');
  try {
    const found = await describeEksCluster({ region: wanted.region, name: wanted.eksName });
    const plan = planClusterAddition(text, file, wanted, found);
    if (plan.outcome === 'planned' && !dryRun) await replaceFile(file, { before: text, after: plan.text });
    return show(plan, plan.outcome === 'planned' ? formatDiff(file, text, plan.text) : '');
  } catch (error) {
    if (!(error instanceof TidegateError)) throw error;
    show(refusal(error.message), '');
    return 1;
  }

  function show(plan: ClusterAddition, diff: string): number {
    const isRefused = plan.outcome === 'refused';
    if (options.json === true) {
      const outcome = isRefused
        ? { written: false, problems: plan.problems }
        : { written: !dryRun, problems: [], file, cluster: plan.cluster, diff, notes: plan.notes };
      io.stdout.write(`${JSON.stringify(outcome, null, 2)}\n`);
    } else if (isRefused) {
      for (const problem of plan.problems) io.stderr.write(`tidegate: ${problem}\n`);
    } else {
      const result = dryRun ? `${file} is left as it is: this was a dry run` : `${name} is in ${file}`;
      io.stdout.write([diff, ...plan.notes.map((note) => `note: ${note}\n`), `${result}\n`].join(''));
    }
    return isRefused ? 2 : 0;
  }
}

function refusal(problem: string): ClusterAddition {
  return { outcome: 'refused', problems: [problem] };
}
