import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

const compress = promisify(gzip);

/** How large a function's code is, in bytes; its source map, which Lambda reads only for a stack trace, not counted. */
export interface BundleSize {
  readonly bytes: number;
  /** Compressed, about as it is uploaded. */
  readonly gzipBytes: number;
}

/** Measures the bundle in a folder. */
export async function measureSize(folder: string): Promise<BundleSize> {
  const code = await readFile(join(folder, 'index.mjs'));
  return { bytes: code.byteLength, gzipBytes: (await compress(code)).byteLength };
}
