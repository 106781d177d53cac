import { replaceFile } from '#shared/adapters/disk/replace-file.ts';
import { describeEksCluster } from '#shared/adapters/eks/describe-eks-cluster.ts';
import { defined } from '#shared/common/defined.ts';
import { TidegateError } from '#shared/common/tidegate-error.ts';

import type { CommandProcess } from './command-process.ts';
import { formatDiff } from './format-diff.ts';
import type { ClusterAddition } from './plan-cluster-addition.ts';
import { checkWantedCluster, planClusterAddition } from './plan-cluster-addition.ts';
import { readSettingsText } from './read-settings.ts';
import { refuse } from './refuse-eks-cluster.ts';
import { reportRefusal } from './report-refusal.ts';

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
  if ('fault' in read) return show(refuse(`${file}: ${read.fault}`), '');
  const { text } = read;
  const wanted = {
    name,
    path: options.path ?? `./clusters/${name}`,
    eksName: options.eksName ?? name,
    region: options.region,
    ...defined({ profile: options.profile, namespaces: options.namespace }),
  };
  const problems = checkWantedCluster(text, file, wanted);
  if (problems.length > 0) return show(refuse(...problems), '');
  try {
    const found = await describeEksCluster({ region: wanted.region, name: wanted.eksName });
    const plan = planClusterAddition(text, file, wanted, found);
    if (plan.outcome === 'planned' && !dryRun) await replaceFile(file, { before: text, after: plan.text });
    return show(plan, plan.outcome === 'planned' ? formatDiff(file, text, plan.text) : '');
  } catch (error) {
    if (!(error instanceof TidegateError)) throw error;
    show(refuse(error.message), '');
    return 1;
  }

  function show(plan: ClusterAddition, diff: string): number {
    if (plan.outcome === 'refused') {
      reportRefusal(plan.problems, options, io);
      return 2;
    }
    if (options.json === true) {
      const outcome = { written: !dryRun, problems: [], file, cluster: plan.cluster, diff, notes: plan.notes };
      io.stdout.write(`${JSON.stringify(outcome, null, 2)}\n`);
    } else {
      const result = dryRun ? `${file} is left as it is: this was a dry run` : `${name} is in ${file}`;
      io.stdout.write([diff, ...plan.notes.map((note) => `note: ${note}\n`), `${result}\n`].join(''));
    }
    return 0;
  }
}
