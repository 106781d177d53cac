/** The text of a file with its byte order mark, and the way back to its bytes. */
export interface EncodedText {
  readonly text: string;
  readonly encode: (text: string) => Uint8Array;
}

type Encoding = 'utf-8' | 'utf-16le' | 'utf-16be';

/** The encodings of YAML that kustomize reads, the two of UTF-16 by their byte order mark alone. */
const ENCODERS: Readonly<Record<Encoding, (text: string) => Uint8Array>> = {
  'utf-8': (text) => new TextEncoder().encode(text),
  'utf-16le': (text) => Buffer.from(text, 'utf16le'),
  'utf-16be': (text) => Buffer.from(text, 'utf16le').swap16(),
};

/** Reads a file of text; undefined when it is not in an encoding of YAML, or would not become the same bytes again. */
export function decodeText(bytes: Uint8Array): EncodedText | undefined {
  const encoding = encodingOf(bytes);
  const encode = ENCODERS[encoding];
  try {
    const text = new TextDecoder(encoding, { fatal: true, ignoreBOM: true }).decode(bytes);
    return Buffer.from(encode(text)).equals(bytes) ? { text, encode } : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a file holds a text in any of the encodings, with a byte order mark or without. */
export function holdsText(bytes: Uint8Array, text: string): boolean {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Object.values(ENCODERS).some((encode) => buffer.includes(Buffer.from(encode(text))));
}

function encodingOf([first, second]: Uint8Array): Encoding {
  if (first === 0xff && second === 0xfe) return 'utf-16le';
  return first === 0xfe && second === 0xff ? 'utf-16be' : 'utf-8';
}
