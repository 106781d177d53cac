const SHORTEST = 8;

/** Whatever of a secret might stand in a log by itself: the whole, each value of a JSON object, and each line of both. */
export function listSecretParts(secret: string): readonly string[] {
  const lines = [secret, ...valuesOf(secret)].flatMap((value) => [value, ...value.split(/\r?\n/u)]);
  return lines.map((line) => line.trim()).filter((line) => line.length >= SHORTEST);
}

function valuesOf(text: string): readonly string[] {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null
      ? Object.values(value).filter((one) => typeof one === 'string')
      : [];
  } catch {
    return [];
  }
}
