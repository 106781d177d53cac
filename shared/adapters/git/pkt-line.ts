/**
 * Splits a whole answer of the git protocol into its lines; flush and delimiter packets are left out.
 * @throws Error when the answer ends before its last line does, or is none.
 */
export function readPktLines(bytes: Uint8Array): readonly Uint8Array[] {
  const lines: Uint8Array[] = [];
  let offset = 0;
  let endsWithFlush = false;
  while (offset < bytes.byteLength) {
    const length = readLength(bytes, offset);
    endsWithFlush = length === 0;
    if (length < 4) {
      offset += 4;
      continue;
    }
    if (offset + length > bytes.byteLength) throw new Error('answer was cut off');
    lines.push(bytes.subarray(offset + 4, offset + length));
    offset += length;
  }
  if (lines.length === 0) throw new Error('answer is empty');
  // A refusal is one line; everything else ends with a flush.
  const isRefusal = Buffer.from(lines.at(-1) ?? []).toString('latin1', 0, 4) === 'ERR ';
  if (!endsWithFlush && !isRefusal) throw new Error('answer was cut off');
  return lines;
}

function readLength(bytes: Uint8Array, offset: number): number {
  if (offset + 4 > bytes.byteLength) throw new Error('answer was cut off');
  const text = Buffer.from(bytes.subarray(offset, offset + 4)).toString('latin1');
  if (!/^[0-9a-f]{4}$/i.test(text)) throw new Error('answer is not framed as git protocol');
  return Number.parseInt(text, 16);
}
