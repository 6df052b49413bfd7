import { once } from 'node:events';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { rawCases } from './raw-cases.ts';
import { RawConnection } from './raw-connection.ts';
import type { ServerOptions, ServerUnderTest, StartServer } from './server-under-test.ts';

/** The protocol itself, byte by byte, on bare sockets. */
export function describeProtocol(start: StartServer): void {
  describe('the protocol', () => {
    let server: ServerUnderTest;
    beforeAll(async () => {
      server = await start();
    });
    afterAll(() => server.stop());

    test('INFO says what a client needs to know', async () => {
      const raw = await RawConnection.open(server.port);
      expect(raw.info).toMatchObject({ proto: 1, headers: true, max_payload: 1024 * 1024, port: server.port });
      expect(raw.info).toMatchObject({
        client_id: expect.any(Number) as number,
        version: expect.any(String) as string,
      });
      raw.close();
    });

    test.each(rawCases)('$name', async ({ sent, received }) => {
      const raw = await RawConnection.open(server.port);
      raw.send(sent);
      expect(await raw.answer()).toBe(received);
      raw.close();
    });

    test.each(rawCases.filter(({ sent, isWholeOnly }) => sent.length < 500 && isWholeOnly !== true))(
      'in single bytes: $name',
      async ({ sent, received }) => {
        const raw = await RawConnection.open(server.port);
        await raw.sendByBytes(sent);
        expect(await raw.answer()).toBe(received);
        raw.close();
      },
    );

    test('a client without headers gets the payload without them', async () => {
      const [plain, rich] = [await RawConnection.open(server.port), await RawConnection.open(server.port)];
      plain.send('CONNECT {"verbose":false}\r\nSUB a 1\r\nPING\r\n');
      await plain.answer();
      rich.send('CONNECT {"verbose":false,"headers":true}\r\nHPUB a 12 14\r\nNATS/1.0\r\n\r\nhi\r\n');
      expect(await plain.answer('hi\r\n')).toBe('PONG\r\nMSG a 1 2\r\nhi\r\n');
      plain.close();
      rich.close();
    });

    test('payloads of all sizes up to the limit arrive in order and unchanged', async () => {
      const raw = await RawConnection.open(server.port);
      const sizes = [0, 1, 100, 4_095, 4_096, 4_097, 32_768, 65_536, 500_000, 1_048_576];
      const messages = sizes.map((size) => ` ${size}\r\n${'0123456789'.repeat(size / 10 + 1).slice(0, size)}\r\n`);
      raw.send(`CONNECT {"verbose":false}\r\nSUB a 1\r\n${messages.map((each) => `PUB a${each}`).join('')}PING\r\n`);
      const received = await raw.answer();
      // Not toBe: the difference of two megabytes would be printed.
      expect(received === `${messages.map((each) => `MSG a 1${each}`).join('')}PONG\r\n`).toBe(true);
      raw.close();
    });
  });

  async function withServer(options: ServerOptions, use: (server: ServerUnderTest) => Promise<void>): Promise<void> {
    const server = await start(options);
    try {
      await use(server);
    } finally {
      await server.stop();
    }
  }

  describe('limits', () => {
    test.each([
      ['without CONNECT', 'PING\r\n'],
      ['without a token', 'CONNECT {"verbose":false}\r\nPING\r\n'],
      ['with a wrong token', 'CONNECT {"verbose":false,"auth_token":"guess"}\r\nPING\r\n'],
    ])('a client %s is turned away', async (_what, sent) => {
      await withServer({ token: 'secret' }, async ({ port }) => {
        const raw = await RawConnection.open(port);
        expect(raw.info).toMatchObject({ auth_required: true });
        raw.send(sent);
        expect(await raw.answer()).toBe("-ERR 'Authorization Violation'\r\nEND");
      });
    });

    test('a client that says nothing is turned away in time', async () => {
      await withServer({ token: 'secret' }, async ({ port }) => {
        const raw = await RawConnection.open(port);
        expect(await raw.answer('never')).toBe("-ERR 'Authentication Timeout'\r\nEND");
      });
    });

    test('a client that answers no ping is cut off', async () => {
      await withServer({ pingIntervalMs: 150 }, async ({ port }) => {
        const raw = await RawConnection.open(port);
        raw.send('CONNECT {"verbose":false}\r\n');
        const received = await raw.answer('never');
        expect(received).toMatch(/^(PING\r\n)+-ERR 'Stale Connection'\r\nEND$/);
      });
    });

    test('a subscriber that does not read is cut off, and the others go on', async () => {
      await withServer({ maxPendingBytes: 2_000_000 }, async ({ port }) => {
        const [slow, quick] = [await RawConnection.open(port), await RawConnection.open(port)];
        slow.send('CONNECT {"verbose":false}\r\nSUB a 1\r\nPING\r\n');
        await slow.answer();
        slow.socket.pause();
        const cutOff = once(slow.socket, 'close');
        quick.send('CONNECT {"verbose":false}\r\nSUB b 1\r\n');

        // More than the limit and the buffers of the two sockets together.
        const publication = `PUB a 1000000\r\n${'x'.repeat(1_000_000)}\r\n`;
        for (let sent = 0; sent < 30; sent += 1) {
          quick.send(publication);
          if (quick.socket.writableNeedDrain) await once(quick.socket, 'drain');
        }
        quick.send('PUB b 2\r\nhi\r\nPING\r\n');
        // The real server pings a client once when it is two seconds old.
        expect((await quick.answer()).replace('PING\r\n', '')).toBe('MSG b 1 2\r\nhi\r\nPONG\r\n');
        slow.socket.resume();
        await cutOff;
      });
    });
  });
}
