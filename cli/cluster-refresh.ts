import { replaceFile } from '#shared/adapters/disk/replace-file.ts';
import { describeEksCluster } from '#shared/adapters/eks/describe-eks-cluster.ts';
import { ensureAccessEntry } from '#shared/adapters/eks/ensure-access-entry.ts';
import { sendToDeployedQueue } from '#shared/adapters/sqs/send-to-deployed-queue.ts';
import { TidegateError } from '#shared/common/tidegate-error.ts';
import { accessGroup } from '#shared/settings/access-entry-command.ts';
import { ROLE_ARN } from '#shared/settings/role-arn.ts';

import type { CommandProcess } from './command-process.ts';
import { formatDiff } from './format-diff.ts';
import { findClusterToRefresh, planClusterRefresh } from './plan-cluster-refresh.ts';
import { readSettingsText } from './read-settings.ts';
import { reportRefusal } from './report-refusal.ts';

export interface ClusterRefreshOptions {
  readonly config: string;
  /** Whose access entry to make; `true` for the role that the settings name. */
  readonly accessEntry?: string | true;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

interface Done {
  readonly file: string;
  readonly written: boolean;
  readonly changed: readonly string[];
  readonly diff: string;
  readonly accessEntry: 'made' | 'changed' | 'there' | 'not asked for';
  readonly reconcile: 'sent' | 'not sent';
  readonly notes: readonly string[];
  readonly commands: readonly string[];
}

/**
 * `tidegate cluster refresh`: reads a cluster of the settings anew from EKS, where it was built anew or its certificate
 * authority has a successor, and has it worked on. What is changed has to be deployed first, and the tick after that finds
 * another API server; only where nothing is changed is its function told at once.
 * @returns 0 when it is done, 1 when AWS cannot be asked or refuses, 2 when the cluster or the settings do not fit.
 */
export async function clusterRefresh(
  name: string,
  options: ClusterRefreshOptions,
  io: Pick<CommandProcess, 'stdout' | 'stderr'>,
): Promise<number> {
  const { config: file, dryRun = false, accessEntry } = options;
  const read = await readSettingsText(file);
  if ('fault' in read) return fail(2, [`${file}: ${read.fault}`]);
  const { text } = read;
  const found = findClusterToRefresh(text, file, name);
  if (found.outcome === 'refused') return fail(2, found.problems);
  const { target } = found.cluster;
  const principal = target.roleArn ?? (typeof accessEntry === 'string' ? accessEntry : undefined);
  const problem = checkAccessEntry(accessEntry, target.roleArn, name);
  if (problem !== undefined) return fail(2, [problem]);
  try {
    const plan = planClusterRefresh(text, file, found, await describeEksCluster(target), principal);
    if (plan.outcome === 'refused') return fail(2, plan.problems);
    const { changed, notes, commands } = plan;
    const isChanged = changed.length > 0;
    const isEntryAsked = accessEntry !== undefined && principal !== undefined && !dryRun;
    const group = accessGroup(target);
    const entry = isEntryAsked
      ? await ensureAccessEntry({ ...target, principalArn: principal, group })
      : ('not asked for' as const);
    if (isChanged && !dryRun) await replaceFile(file, { before: text, after: plan.text });
    const isSent = !isChanged && !dryRun;
    if (isSent) {
      const message = { type: 'Reconcile', cluster: name, reason: 'Refreshed' } as const;
      await sendToDeployedQueue(target.region, { queue: `reconcile/${name}`, group: name, message });
    }
    show({
      file,
      written: isChanged && !dryRun,
      changed,
      diff: isChanged ? formatDiff(file, text, plan.text) : '',
      accessEntry: entry,
      reconcile: isSent ? 'sent' : 'not sent',
      notes,
      commands: isEntryAsked ? commands.slice(1) : commands,
    });
    return 0;
  } catch (error) {
    if (!(error instanceof TidegateError)) throw error;
    return fail(1, [error.message]);
  }

  function show(done: Done): void {
    if (options.json === true) io.stdout.write(`${JSON.stringify({ ...done, problems: [] }, null, 2)}\n`);
    else io.stdout.write(describe(name, done, dryRun));
  }

  function fail(exitCode: number, problems: readonly string[]): number {
    reportRefusal(problems, options, io);
    return exitCode;
  }
}

function checkAccessEntry(asked: string | true | undefined, ofSettings: string | undefined, name: string) {
  if (asked === undefined) return undefined;
  if (asked === true) {
    return ofSettings === undefined
      ? `--access-entry: found no role; allowed: the ARN of its function's role, which the stack prints as ReconcileRole… of cluster ${name}`
      : undefined;
  }
  if (!ROLE_ARN.test(asked)) {
    return `--access-entry: found ${JSON.stringify(asked.slice(0, 200))}; allowed: the ARN of a role such as arn:aws:iam::123456789012:role/tidegate`;
  }
  return ofSettings === undefined || ofSettings === asked
    ? undefined
    : `--access-entry: found ${asked}; allowed: ${ofSettings}, which eks.roleArn names, or no value`;
}

function describe(name: string, done: Done, dryRun: boolean): string {
  const { file, changed, diff, accessEntry, reconcile, notes, commands } = done;
  const result = dryRun
    ? `${file} is left as it is: this was a dry run`
    : changed.length === 0
      ? `${file} says what EKS says of ${name}`
      : `${changed.join(', ')} of ${name} ${changed.length === 1 ? 'is' : 'are'} read anew in ${file}`;
  const next = [
    'the function of the cluster needs, in a cluster that was built anew:',
    ...commands.map((command) => `  ${command}`),
    reconcile === 'sent'
      ? 'its function was told to reconcile'
      : 'then the next tick, within a minute, applies everything; to have it work at once, run this again after the deployment',
  ];
  return [
    diff,
    ...notes.map((note) => `note: ${note}\n`),
    `${result}\n`,
    ...(accessEntry === 'not asked for' ? [] : [`its access entry ${ENTRY_WORDS[accessEntry]}\n`]),
    ...next.map((line) => `${line}\n`),
  ].join('');
}

const ENTRY_WORDS = { made: 'is made', changed: 'has its group now', there: 'was there' } as const;
