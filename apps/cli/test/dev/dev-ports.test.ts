import { startBroker, type Broker } from '@longshore/embedded';
import { expect, onTestFinished, test } from 'vitest';
import { startOnPort } from '../../src/dev/dev-ports.ts';

async function start(port: number): Promise<Broker> {
  const broker = await startBroker({ port });
  onTestFinished(() => broker.stop());
  return broker;
}

test('where the usual port is in use it is one of the next, and that is said', async () => {
  const notes: string[] = [];
  const note = (text: string): void => void notes.push(text);
  const other = await start(0);
  const found = await startOnPort({ of: 'NATS', port: other.port, isFixed: false }, start, note);
  expect(found.port).toBeGreaterThan(other.port);
  expect(notes).toEqual([`port ${other.port} is in use; NATS listens on ${found.port}`]);
});

test('a port that the user named is that one or none', async () => {
  const { port } = await start(0);
  const starting = startOnPort({ of: 'NATS', port, isFixed: true }, start, () => undefined);
  await expect(starting).rejects.toMatchObject({
    code: 'DEV_PORT_IN_USE',
    message: `port ${port} for NATS is in use`,
  });
});

test('any free port is nothing to speak of', async () => {
  const notes: string[] = [];
  const found = await startOnPort({ of: 'NATS', port: 0, isFixed: true }, start, (text) => notes.push(text));
  expect(found.port).toBeGreaterThan(0);
  expect(notes).toEqual([]);
});
