import { RemoteError } from '@longshore/bus';
import { LongshoreError, TaskState, type TaskId, type TaskTrigger } from '@longshore/core';
import type { ControlReply, EventView, TaskView } from '@longshore/protocol';
import type { Connection } from '../connection/connection.ts';
import type { ModifyOptions, TaskChanges } from './control-options.ts';
import { watchTask } from './watch-task.ts';

/** The event of a modification that its type refused; its message is the error's `CODE: text`. */
const DROPPED = 'drop' satisfies TaskTrigger;

/**
 * Asks for a modification and waits until it is applied.
 *
 * @param readEvents the task's events after a number, oldest first.
 * @throws {RemoteError} what the owner, or the task's type, refuses it with.
 * @throws {LongshoreError} STATE_CONFLICT when the task was cancelled before it was applied.
 */
export async function modifyTask(
  connection: Connection,
  id: TaskId,
  changes: TaskChanges,
  options: ModifyOptions,
  readEvents: (after: number) => AsyncIterable<EventView>,
): Promise<ControlReply> {
  const { reason } = options;
  const request = { task: { id }, changes, ...(reason === undefined ? {} : { reason }) };
  const reply = await connection.request('task.modify', request, options);
  if (!reply.changed) return reply;
  const task = await applied(connection, id, reply.task, options);
  const refusal = await findRefusal(id, reply.event, readEvents);
  if (refusal !== null) throw refusal;
  return { ...reply, task };
}

/** The task once it is no longer being modified. */
async function applied(connection: Connection, id: TaskId, task: TaskView, options: ModifyOptions): Promise<TaskView> {
  if (task.state !== TaskState.modifying) return task;
  const read = () => connection.request('task.view', { task: { id } }, options);
  for await (const seen of watchTask(connection, id, options, read)) {
    if (seen.task.state !== TaskState.modifying) return seen.task;
  }
  throw new TypeError('the watch ended without a terminal snapshot');
}

/**
 * Why a modification was dropped; null: it was applied.
 *
 * @param event number of the event that asked for it; undefined: the newest modification is meant.
 */
async function findRefusal(
  id: TaskId,
  event: number | undefined,
  readEvents: (after: number) => AsyncIterable<EventView>,
): Promise<Error | null> {
  let refusal: Error | null = null;
  for await (const { kind, from, to, message } of readEvents(event ?? 0)) {
    if (from !== TaskState.modifying) continue;
    refusal =
      kind === DROPPED ? refusedByType(message ?? '') : to === TaskState.cancelling ? canceledMeanwhile(id) : null;
    if (event !== undefined) break;
  }
  return refusal;
}

function refusedByType(text: string): RemoteError {
  const [, code = 'INTERNAL', message = text] = /^([A-Z][A-Z0-9_]*): (.*)$/s.exec(text) ?? [];
  return new RemoteError({ code, message, permanent: true });
}

function canceledMeanwhile(id: TaskId): LongshoreError {
  const message = `task ${id} was canceled before its modification was applied; the modification was dropped`;
  return new LongshoreError('STATE_CONFLICT', message, { details: { state: TaskState.cancelling } });
}
