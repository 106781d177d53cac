import type { TagOrder } from './tag-order.ts';

const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?$/u;

interface Decimal {
  readonly digits: bigint;
  readonly places: number;
}

/** Tags by the number that they are, of any length; `desc` takes the smallest for the newest. */
export function numericalPolicy(order: 'asc' | 'desc'): TagOrder {
  const sign = order === 'asc' ? 1 : -1;
  return {
    allows: (tag) => parseDecimal(tag) !== undefined,
    compare(a, b) {
      const left = parseDecimal(a);
      const right = parseDecimal(b);
      if (left === undefined || right === undefined) return undefined;
      // Whole digits, not floats: build numbers and timestamps outgrow 2^53.
      const places = Math.max(left.places, right.places);
      const difference = scaled(left, places) - scaled(right, places);
      return difference === 0n ? 0 : difference > 0n ? sign : -sign;
    },
  };
}

function parseDecimal(text: string): Decimal | undefined {
  const match = DECIMAL.exec(text);
  if (match === null || text.length > 128) return undefined;
  const [, minus = '', whole = '', fraction = ''] = match;
  if (whole === '' && fraction === '') return undefined;
  const digits = BigInt(whole + fraction);
  return { digits: minus === '-' ? -digits : digits, places: fraction.length };
}

function scaled(decimal: Decimal, places: number): bigint {
  return decimal.digits * 10n ** BigInt(places - decimal.places);
}
