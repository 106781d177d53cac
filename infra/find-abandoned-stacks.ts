import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

import { eksClusters } from '#shared/settings/eks-clusters.ts';
import type { Settings } from '#shared/settings/settings.ts';

import { stackOrigin } from './stack-origin.ts';

/** A template that an earlier synthesis left in the folder of the assembly. */
export interface FormerStack {
  readonly region: string;
  readonly file: string;
  readonly template: unknown;
}

const Origin = z.looseObject({ Metadata: z.looseObject({ Tidegate: z.record(z.string(), z.string()) }) });
const TEMPLATE = /^tidegate-(?<region>[a-z0-9-]+)\.template\.json$/u;

/**
 * Names the stacks of regions whose last cluster was taken out of the settings, as far as their templates are still here:
 * they are in no deployment any more, and go on with the settings that they have until somebody removes them.
 */
export function findAbandonedStacks(former: readonly FormerStack[], settings: Settings): readonly string[] {
  const regions = new Set(eksClusters(settings).map(({ target }) => target.region));
  const origin = JSON.stringify(stackOrigin(settings));
  return former.flatMap(({ region, file, template }) => {
    const parsed = Origin.safeParse(template);
    const isOurs = parsed.success && JSON.stringify(parsed.data.Metadata.Tidegate) === origin;
    if (!isOurs || regions.has(region)) return [];
    const removal = `aws cloudformation delete-stack --region ${region} --stack-name tidegate-${region}`;
    return [
      `no cluster of the settings is in ${region} any more, so the stack tidegate-${region} is not deployed again: it goes on with the settings that it has, pull requests and all, until it is removed: ${removal} (docs/operations.md#a-region-without-clusters). Once it is gone, delete ${file}.`,
    ];
  });
}

/** Reads the templates that lie in the folder of an assembly; none where there is no folder. */
export async function readFormerStacks(folder: string): Promise<readonly FormerStack[]> {
  const names = await readdir(folder).catch(() => []);
  const found = names.flatMap((name) => {
    const region = TEMPLATE.exec(name)?.groups?.['region'];
    return region === undefined ? [] : [{ region, file: join(folder, name) }];
  });
  return await Promise.all(found.map(async (one) => ({ ...one, template: parse(await readFile(one.file, 'utf8')) })));
}

/** What is not JSON is no template of ours. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
