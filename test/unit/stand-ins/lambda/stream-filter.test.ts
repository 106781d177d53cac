import { describe, expect, it } from 'vitest';

import { passesFilters, StreamFilter } from '#stand-ins/lambda/stream-filter.ts';

const record = { eventName: 'MODIFY', dynamodb: { NewImage: { type: { S: 'Status' } } } };
const ofType = (...types: readonly string[]) => ({ dynamodb: { NewImage: { type: { S: types } } } });

describe("the stand-in for Lambda's filters of a stream", () => {
  it.each([
    ['there is no filter', [], true],
    ['the value is among those wanted', [ofType('Event', 'Status')], true],
    ['the value is another', [ofType('Request')], false],
    ['one of several filters lets it pass', [ofType('Request'), ofType('Status')], true],
    ['one of two fields is another', [{ ...ofType('Status'), eventName: ['REMOVE'] }], false],
    ['the field is not there', [{ dynamodb: { OldImage: { type: { S: ['Status'] } } } }], false],
  ])('calls the function or not when %s', (_, filters, expected) => {
    expect(passesFilters(record, filters)).toBe(expected);
  });

  it('refuses a pattern that it does not play', () => {
    expect(StreamFilter.safeParse({ eventName: [{ prefix: 'M' }] }).success).toBe(false);
  });
});
