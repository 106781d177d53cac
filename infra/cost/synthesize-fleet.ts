import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { z } from 'zod';
import { eksClusters } from '#shared/settings/eks-clusters.ts';
import { parseSettings } from '#shared/settings/parse-settings.ts';
import type { Settings } from '#shared/settings/settings.ts';
import type { Bundles } from '../bundle-functions.ts';
import { TidegateStack } from '../tidegate-stack.ts';

const CdkSettings = z.object({ context: z.record(z.string(), z.unknown()) });

/** What the price depends on of a stack's clusters. */
export interface Fleet {
  readonly clusters: number;
  readonly isPrivate: boolean;
}

/** Makes the template of a stack with so many clusters. What the functions do is not in it. */
export async function synthesizeFleet(fleet: Fleet): Promise<unknown> {
  const parsed = parseSettings(describeFleet(fleet), 'fleet.yaml');
  if (parsed.outcome === 'invalid') throw new Error(JSON.stringify(parsed.problems));
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-cost-'));
  try {
    return await synthesizeInto(folder, parsed.settings);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function synthesizeInto(folder: string, settings: Settings): Promise<unknown> {
  const code = join(folder, 'code');
  await mkdir(code);
  await writeFile(join(code, 'index.mjs'), '');
  const bundles: Bundles = {
    'github-webhook': code,
    'source-sync': code,
    'image-update': code,
    reconcile: code,
    notify: code,
  };
  const cdkJson = await readFile(join(import.meta.dirname, '..', '..', 'cdk.json'), 'utf8');
  const { context } = CdkSettings.parse(JSON.parse(cdkJson));
  const app = new App({ outdir: join(folder, 'cdk'), context, autoSynth: false, analyticsReporting: false });
  const stack = new TidegateStack(app, 'tidegate-eu-west-1', {
    env: { region: 'eu-west-1' },
    settings,
    clusters: eksClusters(settings),
    bundles,
  });
  return app.synth().getStackByName(stack.stackName).template;
}

function describeFleet({ clusters, isPrivate }: Fleet): string {
  const entries = Array.from({ length: clusters }, (_, index) => {
    const id = index.toString(16).padStart(8, '0');
    const network = `, vpc: { id: vpc-${id}, subnets: [ subnet-${id} ], routeTables: [ rtb-${id} ] }`;
    const eks = `name: c${index}, region: eu-west-1, endpoint: "https://c${index}.example.com", certificateAuthority: AAAA`;
    return `  - { name: c${index}, path: ./clusters/c${index}, eks: { ${eks}${isPrivate ? network : ''} } }\n`;
  });
  const registry = '{ account: "123456789012", region: eu-west-1, repositories: [ "*" ] }';
  return `configRepository: { url: "https://github.com/acme/fleet-infra" }\nregistries: { ecr: [ ${registry} ] }\nclusters:\n${entries.join('')}`;
}
