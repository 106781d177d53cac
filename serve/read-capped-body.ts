import type { IncomingMessage } from 'node:http';

export type CappedBody =
  | { readonly outcome: 'read'; readonly bytes: Uint8Array }
  | { readonly outcome: 'too-large' }
  /** The client went away in the middle. */
  | { readonly outcome: 'broken' };

/** Reads a body of at most `limit` bytes, and no byte more than it takes to know that it is larger. */
export async function readCappedBody(request: IncomingMessage, limit: number): Promise<CappedBody> {
  if (Number(request.headers['content-length'] ?? 0) > limit) return { outcome: 'too-large' };
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.byteLength;
      if (size > limit) {
        request.pause();
        resolve({ outcome: 'too-large' });
      } else {
        chunks.push(chunk);
      }
    });
    request.once('end', () => resolve({ outcome: 'read', bytes: Buffer.concat(chunks) }));
    request.once('error', () => resolve({ outcome: 'broken' }));
    request.once('close', () => resolve({ outcome: 'broken' }));
  });
}
