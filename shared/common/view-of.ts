/** The same bytes as a buffer. Not a copy: a pack or an artifact may be a good part of what the process may hold. */
export function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
