import { readdir, readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';

/** The files of a repository by their path in it. */
export type FleetFiles = Readonly<Record<string, string>>;

/** Where the example says that its repository is. */
export const EXAMPLE_URL = 'https://github.com/acme/fleet-infra';

const exampleFolder = join(import.meta.dirname, '..', 'examples', 'fleet-infra');

/** Reads the configuration repository of the examples, as it would lie at another address. */
export async function readFleet(repositoryUrl: string): Promise<FleetFiles> {
  const entries = await readdir(exampleFolder, { recursive: true, withFileTypes: true });
  const files: Record<string, string> = {};
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    const content = await readFile(file, 'utf8');
    files[relative(exampleFolder, file).split(sep).join('/')] = content.replaceAll(EXAMPLE_URL, repositoryUrl);
  }
  return files;
}

/** The same repository with every interval of a minute made shorter: what a lost event costs, a test has not the time to wait for. */
export function shortenIntervals(files: FleetFiles, interval: string): FleetFiles {
  return mapFiles(files, (content) => content.replace(/^(\s*interval: )1m$/gmu, `$1${interval}`));
}

/**
 * The same repository for a cluster with real nodes, which cannot pull from the registry that is played here:
 * the tag stays what Git says, the image comes from podinfo's own registry.
 */
export function pullFromPublicRegistry(files: FleetFiles, image: string): FleetFiles {
  const images = `  images:\n    - name: ${image}\n      newName: ghcr.io/stefanprodan/podinfo\n`;
  const file = 'clusters/my-cluster/podinfo.yaml';
  return { ...files, [file]: `${files[file] ?? ''}${images}` };
}

function mapFiles(files: FleetFiles, change: (content: string) => string): FleetFiles {
  return Object.fromEntries(Object.entries(files).map(([path, content]) => [path, change(content)]));
}
