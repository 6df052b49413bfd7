import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { ProtocolParser, type ProtocolHandler } from '../../src/broker/protocol-parser.ts';

/** What a handler was told, in order. */
function parse(chunks: readonly Buffer[]): unknown[] {
  const calls: unknown[] = [];
  const handler: ProtocolHandler = {
    isAuthorized: true,
    isClosed: false,
    hasHeaders: true,
    connect: (options) => calls.push(['connect', options]),
    publish: ({ body, ...rest }) => calls.push(['publish', rest, body.toString('latin1')]),
    subscribe: (...args) => calls.push(['subscribe', ...args]),
    unsubscribe: (...args) => calls.push(['unsubscribe', ...args]),
    ping: () => calls.push(['ping']),
    pong: () => calls.push(['pong']),
  };
  const parser = new ProtocolParser(handler, 1024);
  for (const chunk of chunks) parser.push(chunk);
  return calls;
}

function cut(whole: Buffer, at: readonly number[]): Buffer[] {
  const ends = [...at.map((each) => each % whole.length), whole.length].sort((a, b) => a - b);
  return ends.map((end, index) => whole.subarray(ends[index - 1] ?? 0, end));
}

const subject = fc.stringMatching(/^[a-z]{1,5}(\.[a-z*>]{1,5}){0,3}$/);
const payload = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString('latin1'));
const frame = fc.oneof(
  fc.constantFrom('PING\r\n', 'PONG\r\n', 'ping\n', 'CONNECT {"name":"\xc3\xa9"}\r\n', '+OK\r\n', 'INFO {}\r\n'),
  fc.tuple(subject, payload).map(([to, body]) => `PUB ${to} ${body.length}\r\n${body}\r\n`),
  fc.tuple(subject, subject, payload).map(([to, reply, body]) => `PUB ${to}  ${reply}\t${body.length}\r\n${body}\r\n`),
  fc.tuple(subject, payload).map(([to, body]) => `HPUB ${to} 12 ${body.length + 12}\r\nNATS/1.0\r\n\r\n${body}\r\n`),
  subject.map((to) => `SUB ${to} workers 1\r\n`),
  subject.map((to) => `SUB ${to} 22\r\nUNSUB 22 5\r\n`),
);

describe('ProtocolParser', () => {
  test('finds the same in any division into chunks', () => {
    fc.assert(
      fc.property(
        fc.array(frame, { minLength: 1, maxLength: 8 }),
        fc.array(fc.nat(), { maxLength: 10 }),
        (frames, at) => {
          const whole = Buffer.from(frames.join(''), 'latin1');
          expect(parse(cut(whole, at))).toEqual(parse([whole]));
        },
      ),
    );
  });

  test('finds each frame', () => {
    const sent = 'SUB a.* q 1\r\nHPUB a.b r 12 14\r\nNATS/1.0\r\n\r\nhi\r\nUNSUB 1\r\n';
    expect(parse([Buffer.from(sent)])).toEqual([
      ['subscribe', 'a.*', 'q', '1'],
      ['publish', { subject: 'a.b', reply: 'r', headerBytes: 12 }, 'NATS/1.0\r\n\r\nhi\r\n'],
      ['unsubscribe', '1', 0],
    ]);
  });

  test.each(['PUB a 1025\r\n', 'HPUB a 12 1025\r\n', `PUB ${'a'.repeat(5_000)}`, 'XYZ\r\n'])('refuses %j', (sent) => {
    expect(() => parse([Buffer.from(sent)])).toThrow();
  });
});
