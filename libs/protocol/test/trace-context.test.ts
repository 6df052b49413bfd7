import { expect, test } from 'vitest';
import { readTraceContext } from '../src/trace-context.ts';

const GOOD = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
const read = (headers: Record<string, string>): unknown => readTraceContext((name) => headers[name]);

test('a trace is read with its state, or without', () => {
  expect(read({ traceparent: GOOD })).toEqual({ traceparent: GOOD });
  expect(read({ traceparent: GOOD, tracestate: '' })).toEqual({ traceparent: GOOD });
  expect(read({ traceparent: GOOD, tracestate: 'a=1' })).toEqual({ traceparent: GOOD, tracestate: 'a=1' });
});

test.each([
  '',
  'garbage',
  GOOD.toUpperCase(),
  GOOD.replace(/^00/, '01'),
  `00-${'0'.repeat(32)}-${'b'.repeat(16)}-01`,
  `00-${'a'.repeat(32)}-${'0'.repeat(16)}-01`,
  `${GOOD}-extra`,
])('%j is no trace', (traceparent) => {
  expect(read({ traceparent, tracestate: 'a=1' })).toBeNull();
});

test('a state without a trace is none', () => {
  expect(read({ tracestate: 'a=1' })).toBeNull();
});
