import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';

import { describeError } from '#shared/common/tidegate-error.ts';
import { VERSION } from '#shared/common/version.ts';

import type { CheckConfigOptions } from './check-config.ts';
import { checkConfig } from './check-config.ts';
import type { ClusterAddOptions } from './cluster-add.ts';
import type { ClusterRefreshOptions } from './cluster-refresh.ts';
import type { CommandProcess } from './command-process.ts';
import type { DeadLettersOptions } from './dead-letters.ts';
import type { GitHubAppCreateOptions } from './github-app-create.ts';
import type { ServeCommandOptions } from './serve.ts';

const EXAMPLES = `
Examples:
  tidegate check-config --config tidegate.yaml
  tidegate serve --config tidegate.yaml
  tidegate serve --config tidegate.yaml --port 9000 --log-format json
  tidegate cluster add production --region eu-west-1
  tidegate cluster refresh production
  tidegate github-app create --organization acme
`;

const CHECK_CONFIG_EXAMPLES = `
Checks the file and, for tidegate serve, that this machine has the secrets, contexts and folders it names. With --online
it also checks the permissions of the token or the App, and of each cluster's context.

Examples:
  tidegate check-config --config tidegate.yaml
  tidegate check-config --config tidegate.yaml --online
  tidegate check-config --config tidegate.yaml --file-only --json
`;

const CLUSTER_ADD_EXAMPLES = `
Needs AWS credentials that may call eks:DescribeCluster. Only the lines shown in the diff change.

Examples:
  tidegate cluster add production --region eu-west-1
  tidegate cluster add staging --region eu-west-1 --eks-name acme-staging-2 --path ./clusters/staging
  tidegate cluster add team-a --region us-east-1 --profile workload --namespace team-a --dry-run
`;

const CLUSTER_REFRESH_EXAMPLES = `
For a cluster that was recreated under the same name, or whose certificate authority was rotated. Endpoint and certificate
authority are read from EKS; name, folder, profile and everything else stay. Needs AWS credentials that may call
eks:DescribeCluster; eks:CreateAccessEntry, DescribeAccessEntry and UpdateAccessEntry for --access-entry; and, when no
deployment is needed, sqs:GetQueueUrl and SendMessage on the queue of the cluster.

Examples:
  tidegate cluster refresh production --dry-run
  tidegate cluster refresh production
  tidegate cluster refresh production --access-entry arn:aws:iam::123456789012:role/tidegate-eu-west-1-Reconcile
`;

const GITHUB_APP_CREATE_EXAMPLES = `
Opens a local page that leads to GitHub, where you confirm; GitHub then sends the new App back to this command.
No secret is printed. With Secrets Manager it needs AWS credentials that may call secretsmanager:DescribeSecret and
PutSecretValue on the stack's two secrets; deploy the stack first.

Examples:
  tidegate github-app create --organization acme --webhook-url https://abc123.execute-api.eu-west-1.amazonaws.com/webhook
  tidegate github-app create --secrets folder --webhook-url https://tidegate.example.com/webhook --no-browser
  tidegate github-app create --organization acme --replace
  tidegate github-app create --print-steps
`;

/**
 * Runs the command line.
 * @returns the exit code: 0 for success, 1 for a failure, 2 for wrong arguments or settings.
 */
export async function runTidegate(args: readonly string[], io: CommandProcess): Promise<number> {
  let exitCode = 0;
  const config = new Option('-c, --config <file>', 'settings of the installation')
    .default('tidegate.yaml')
    .argParser(parseFile);
  const program = new Command('tidegate')
    .description('Deploys from Git to Kubernetes: changes flow one way, from a merged pull request to the cluster.')
    .version(VERSION)
    .addHelpText('after', EXAMPLES)
    .exitOverride()
    .configureOutput({ writeOut: (text) => io.stdout.write(text), writeErr: (text) => io.stderr.write(text) });

  program
    .command('serve')
    .description('run all of Tidegate in this process until it is stopped')
    .addOption(config)
    .option('--port <port>', 'listen here instead of serve.port', parsePort)
    .addOption(
      new Option('--log-format <format>', 'json, or text for people (the default on a terminal)').choices([
        'json',
        'text',
      ]),
    )
    .addOption(new Option('--log-level <level>').choices(['debug', 'info', 'warn', 'error']).default('info'))
    .action(async (options: ServeCommandOptions) => {
      // Loaded when needed: the SDKs take longer to read than every other command to run.
      const { serve } = await import('./serve.ts');
      exitCode = await serve(options, io);
    });

  program
    .command('check-config')
    .description('validate the settings and report every problem')
    .addOption(config)
    .option('--json', 'print one JSON document')
    .addOption(
      new Option('--online', 'also query GitHub, the API servers and EKS; changes nothing').conflicts('fileOnly'),
    )
    .option('--file-only', 'check the file only, not the secrets, contexts and folders of this machine')
    .addHelpText('after', CHECK_CONFIG_EXAMPLES)
    .action(async (options: CheckConfigOptions) => {
      exitCode = await checkConfig(options, io);
    });

  const cluster = program.command('cluster').description('manage the clusters of the settings');
  cluster
    .command('add')
    .description('read an EKS cluster from AWS and write it into the settings')
    .argument('<name>', 'name of the cluster in Tidegate')
    .requiredOption('--region <region>', 'AWS region of the cluster')
    .option('--eks-name <name>', 'name of the cluster in EKS (default: the same name)')
    .option('--path <folder>', 'folder in the configuration repository (default: ./clusters/<name>)')
    .addOption(
      new Option('--profile <profile>', 'what Tidegate may do in the cluster (default: platform)').choices([
        'platform',
        'workload',
      ]),
    )
    .option('--namespace <names...>', 'with --profile workload: the namespaces that Tidegate may work in')
    .addOption(config)
    .option('--dry-run', 'show the change without writing it')
    .option('--json', 'print one JSON document')
    .addHelpText('after', CLUSTER_ADD_EXAMPLES)
    .action(async (name: string, options: ClusterAddOptions) => {
      const { clusterAdd } = await import('./cluster-add.ts');
      exitCode = await clusterAdd(name, options, io);
    });

  cluster
    .command('refresh')
    .description('read a configured cluster from EKS again and reconcile it')
    .argument('<name>', 'name of the cluster in Tidegate')
    .option('--access-entry [role]', "make the access entry of the function's role, or of the role in eks.roleArn")
    .addOption(config)
    .option('--dry-run', 'show what would be done, without doing it')
    .option('--json', 'print one JSON document')
    .addHelpText('after', CLUSTER_REFRESH_EXAMPLES)
    .action(async (name: string, options: ClusterRefreshOptions) => {
      const { clusterRefresh } = await import('./cluster-refresh.ts');
      exitCode = await clusterRefresh(name, options, io);
    });

  program
    .command('dead-letters')
    .description('show, resend or discard messages that serve gave up on')
    .addOption(config)
    .addOption(new Option('--redrive', 'send them again').conflicts('drop'))
    .option('--drop', 'discard it; the next tick finds the same work')
    .action(async (options: DeadLettersOptions) => {
      const { deadLetters } = await import('./dead-letters.ts');
      exitCode = await deadLetters(options, io);
    });

  program
    .command('github-app')
    .description('manage the GitHub App that Tidegate acts as')
    .command('create')
    .description('register the App on GitHub and store its key, its id and its webhook secret')
    .option('--organization <login>', 'the organization that the App belongs to (default: your own account)')
    .option('--github-url <url>', 'GitHub (default: the host of the configuration repository)')
    .option('--webhook-url <url>', 'where GitHub sends events: the WebhookUrl that cdk deploy prints')
    .addOption(
      new Option(
        '--secrets <place>',
        'where the secrets go (default: secrets-manager, or folder when no cluster has eks)',
      ).choices(['folder', 'secrets-manager']),
    )
    .addOption(config)
    .option('--replace', 'replace the App whose key is stored there')
    .option('--timeout <minutes>', 'how long to wait for GitHub', parseMinutes, 15)
    .option('--no-browser', 'print the address instead of opening a browser')
    .option('--print-steps', 'print the manual steps, without doing anything')
    .addHelpText('after', GITHUB_APP_CREATE_EXAMPLES)
    .action(async (options: GitHubAppCreateOptions) => {
      const { githubAppCreate } = await import('./github-app-create.ts');
      exitCode = await githubAppCreate(options, io);
    });

  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    io.stderr.write(`tidegate: ${describeError(error)}\n`);
    return 1;
  }
}

function parseFile(text: string): string {
  if (text === '') throw new InvalidArgumentError('found nothing; allowed: the path of a file');
  return text;
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/u.test(text) || port > 65_535) throw new InvalidArgumentError(`found ${text}; allowed: 0 to 65535`);
  return port;
}

function parseMinutes(text: string): number {
  const minutes = Number(text);
  if (!(minutes > 0 && minutes <= 60)) {
    throw new InvalidArgumentError(`found ${text}; allowed: more than 0 and at most 60, for as long as GitHub waits`);
  }
  return minutes;
}
