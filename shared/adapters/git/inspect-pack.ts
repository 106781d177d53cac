import { createHash } from 'node:crypto';
import { inflateSync, type ZlibOptions } from 'node:zlib';

import { TidegateError } from '#shared/common/tidegate-error.ts';

/** What a pack may cost to unpack; a few kilobytes of pack can claim gigabytes of files. */
export interface PackLimits {
  readonly objects: number;
  readonly bytes: number;
}

const OFS_DELTA = 6;
const REF_DELTA = 7;

/**
 * Reads a pack through without keeping what is in it.
 * @throws TidegateError `GitOperationFailed`: `stall` when it is too large, `retry` when it is not whole.
 */
export function inspectPack(pack: Buffer, limits: PackLimits): void {
  if (pack.length < 32 || pack.toString('latin1', 0, 4) !== 'PACK') throw broken('is no pack');
  const end = pack.length - 20;
  if (!createHash('sha1').update(pack.subarray(0, end)).digest().equals(pack.subarray(end))) {
    throw broken('does not match its checksum: it was cut off or damaged');
  }
  const count = pack.readUInt32BE(8);
  if (count > limits.objects) throw tooLarge(`holds ${count} objects; allowed are ${limits.objects}`);
  let offset = 12;
  let total = 0;
  for (let index = 0; index < count; index += 1) {
    const object = readObject(pack.subarray(0, end), offset, limits.bytes);
    total += object.bytes;
    if (total > limits.bytes) throw tooLarge(`unpacks to more than the allowed ${limits.bytes} bytes`);
    offset = object.end;
  }
}

function readObject(pack: Buffer, start: number, maxBytes: number): { readonly bytes: number; readonly end: number } {
  let offset = start;
  let byte = pack[offset++] ?? 0;
  const type = (byte >> 4) & 7;
  let size = byte & 15;
  for (let scale = 16; byte & 0x80; scale *= 128) {
    byte = pack[offset++] ?? 0;
    size += (byte & 0x7f) * scale;
  }
  if (size > maxBytes) throw tooLarge(`holds an object of ${size} bytes; allowed are ${maxBytes}`);
  if (type === OFS_DELTA) {
    while ((pack[offset++] ?? 0) & 0x80);
  } else if (type === REF_DELTA) {
    offset += 20;
  }
  const { content, consumed } = inflate(pack.subarray(offset), size);
  const isDelta = type === OFS_DELTA || type === REF_DELTA;
  return { bytes: size + (isDelta ? deltaTargetSize(content) : 0), end: offset + consumed };
}

function inflate(data: Buffer, size: number): { readonly content: Buffer; readonly consumed: number } {
  const options: ZlibOptions & { readonly info: true } = { maxOutputLength: Math.max(size, 1), info: true };
  let result: unknown;
  try {
    result = inflateSync(data, options);
  } catch {
    throw broken('holds an object that cannot be inflated to its size');
  }
  // With `info` the answer is an object; the types of Node know only the buffer.
  const { buffer, engine } = result as { readonly buffer: Buffer; readonly engine: { readonly bytesWritten: number } };
  if (buffer.length !== size) throw broken('holds an object of another size than it says');
  return { content: buffer, consumed: engine.bytesWritten };
}

/** A delta begins with two sizes: of what it starts from, and of what it makes. */
function deltaTargetSize(delta: Buffer): number {
  let offset = 0;
  while ((delta[offset++] ?? 0) & 0x80);
  let size = 0;
  let byte: number;
  let scale = 1;
  do {
    byte = delta[offset++] ?? 0;
    size += (byte & 0x7f) * scale;
    scale *= 128;
  } while (byte & 0x80);
  return size;
}

function broken(message: string): TidegateError {
  return new TidegateError('GitOperationFailed', `what the git server sent ${message}`, { disposition: 'retry' });
}

function tooLarge(message: string): TidegateError {
  return new TidegateError('GitOperationFailed', `what the git server sent ${message}`, {
    disposition: 'stall',
    isTooLarge: true,
  });
}
