import { createHmac, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { writeWholeFile } from '#shared/adapters/disk/write-whole-file.ts';
import { isCluster, type ObjectName } from '#shared/records/journal-record.ts';

const PREFIX = '/status/';
const PROOF_LENGTH = 32;

/** Addresses of the pages that say of an object what has no room beside a commit. */
export interface StatusPageLinks {
  /** The path of an object's page. Who has it may read the page, and nobody guesses it. */
  pathOf(object: ObjectName): string;
  /** The object whose page has this path; nothing for every other path. */
  find(path: string): ObjectName | undefined;
}

/**
 * Opens the links of a state folder; the key that they are made with is kept in it. Commit statuses have them, so those
 * may read a page who may read the repository. To have no old link work any more, delete the file and start again.
 */
export async function openStatusPageLinks(stateFolder: string): Promise<StatusPageLinks> {
  const key = await readKey(join(stateFolder, 'page-key'));
  const prove = (name: string): string =>
    createHmac('sha256', key).update(name).digest('base64url').slice(0, PROOF_LENGTH);
  return {
    pathOf: (object) => {
      const name = nameOf(object);
      return `${PREFIX}${prove(name)}/${name}`;
    },
    find: (path) => {
      if (!path.startsWith(PREFIX)) return undefined;
      const end = PREFIX.length + PROOF_LENGTH;
      if (path[end] !== '/') return undefined;
      const proof = path.slice(PREFIX.length, end);
      const name = path.slice(end + 1);
      const expected = Buffer.from(prove(name));
      const given = Buffer.from(proof);
      return given.length === expected.length && timingSafeEqual(given, expected) ? parseName(name) : undefined;
    },
  };
}

/** All of it are DNS labels or subdomains, which need no escapes in a path. */
function nameOf(object: ObjectName): string {
  const parts = isCluster(object) ? [object.cluster] : [object.cluster, object.kind, object.namespace, object.name];
  return parts.map(encodeURIComponent).join('/');
}

function parseName(name: string): ObjectName | undefined {
  const parts = name.split('/').map(decodeURIComponent);
  const [cluster = '', kind, namespace = '', object = ''] = parts;
  if (kind === undefined) return { cluster, kind: 'Cluster', namespace: '', name: cluster };
  return { cluster, kind, namespace, name: object };
}

async function readKey(file: string): Promise<Buffer> {
  const known = await readFile(file, 'utf8').catch(() => '');
  if (/^[0-9a-f]{64}\s*$/u.test(known)) return Buffer.from(known.trim(), 'hex');
  const key = randomBytes(32);
  await mkdir(join(file, '..'), { recursive: true });
  await writeWholeFile(file, `${key.toString('hex')}\n`, { temporary: `${file}.${randomUUID()}`, mode: 0o600 });
  return key;
}
