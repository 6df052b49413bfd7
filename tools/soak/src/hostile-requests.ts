import { setTimeout as wait } from 'node:timers/promises';
import { nodeId } from '@longshore/core';
import { replyEnvelope, subjects as subjectsOf, type ApiMethod } from '@longshore/protocol';
import { connect, type NatsConnection } from '@nats-io/transport-node';

/** Whom the requests go to. */
export interface HostileTarget {
  readonly natsUrl: string;
  readonly natsToken: string | undefined;
  readonly cluster: string;
  /** Nodes that get malformed hints. */
  readonly nodes: readonly string[];
}

/** Requests that no owner may be hurt by, and what it may answer: a code, or `ok`. */
const REQUESTS: readonly { readonly method: ApiMethod; readonly payload: string; readonly answer: string }[] = [
  { method: 'task.submit', payload: 'not JSON', answer: 'ARGUMENT_INVALID' },
  {
    method: 'task.submit',
    payload: submit('{"a":'.repeat(5_000) + '1' + '}'.repeat(5_000)),
    answer: 'ARGUMENT_INVALID',
  },
  { method: 'task.submit', payload: submit('{}', '"key":"a\\u0000b"'), answer: 'ARGUMENT_INVALID' },
  { method: 'task.submit', payload: submit(`{"does":"hang","name":"${'a'.repeat(5_000)}!"}`), answer: 'META_INVALID' },
  { method: 'task.submit', payload: submit('{"does":"no such thing"}'), answer: 'META_INVALID' },
  { method: 'task.submit', payload: submit('{"does":"block"}', '"slots":1e308'), answer: 'ARGUMENT_INVALID' },
  { method: 'task.get', payload: '{"task":{"id":"99999999999999999999"}}', answer: 'ARGUMENT_INVALID' },
  { method: 'task.get', payload: '{"task":{"key":"\\ud800"}}', answer: 'ARGUMENT_INVALID' },
  { method: 'task.list', payload: `{"type":"${'x'.repeat(100_000)}"}`, answer: 'ARGUMENT_INVALID' },
];

/** Pages of tasks that are asked for at once. */
const FLOOD = 300;
const MALFORMED_HINTS = ['{"tasks":["x"]}', '{"tasks":[[]]}', '{', '', '{"tasks":["99999999999999999999"]}'];
const ANSWER_MS = 10_000;
/** Its connection is half-open now and then, too: without pings nobody would notice for minutes. */
const PING_MS = 2_000;
const PAUSE_MS = 250;

/**
 * Sends requests and hints that mean harm, again and again, until the signal aborts.
 *
 * @param failed sees each answer that is not what it should be. No answer at all is none: the servers are away now and then.
 * @returns how many requests were sent.
 */
export async function sendHostileRequests(
  target: HostileTarget,
  failed: (problem: string) => void,
  signal: AbortSignal,
): Promise<number> {
  const nats = await connect({
    servers: target.natsUrl,
    maxReconnectAttempts: -1,
    pingInterval: PING_MS,
    ignoreAuthErrorAbort: true,
    ...(target.natsToken === undefined ? {} : { token: target.natsToken }),
  });
  const subjects = subjectsOf(target.cluster);
  const isOver = (): boolean => signal.aborted;
  let sent = 0;
  const ask = async (method: ApiMethod, payload: string): Promise<string | null> => {
    sent += 1;
    const reply = await nats.request(subjects.api(method), payload, { timeout: ANSWER_MS }).catch(() => null);
    if (reply === null) return null;
    const envelope = replyEnvelope.parse(reply.json());
    return envelope.ok ? 'ok' : envelope.error.code;
  };
  const expectAnswer = async (method: ApiMethod, payload: string, answers: readonly string[]): Promise<void> => {
    const answer = await ask(method, payload);
    // An owner without its store says so, whatever it is asked.
    if (answer === null || answer === 'STORE_UNAVAILABLE' || answers.includes(answer)) return;
    failed(`hostile ${method} ${payload.slice(0, 60)}: answered ${answer}, not ${answers.join(' or ')}`);
  };
  try {
    for (let round = 0; !isOver(); round += 1) {
      sendHints(nats, [
        subjects.wakeOwner,
        ...target.nodes.map(nodeId).flatMap((id) => [subjects.wakeNode(id), subjects.controlNode(id)]),
      ]);
      for (const { method, payload, answer } of REQUESTS) {
        if (!isOver()) await expectAnswer(method, payload, [answer]);
      }
      const list = (): Promise<void> => expectAnswer('task.list', '{"limit":200}', ['ok', 'OVERLOADED']);
      if (round % 10 === 0) await Promise.all(Array.from({ length: FLOOD }, list));
      await wait(PAUSE_MS, undefined, { signal }).catch(() => undefined);
    }
  } finally {
    await nats.close();
  }
  return sent;
}

function sendHints(nats: NatsConnection, subjects: readonly string[]): void {
  for (const subject of subjects) for (const hint of MALFORMED_HINTS) nats.publish(subject, hint);
}

function submit(meta: string, more = '"priority":500'): string {
  return `{"type":"soak-rude",${more},"meta":${meta}}`;
}
