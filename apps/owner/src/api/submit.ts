import { createHash, randomUUID } from 'node:crypto';
import { LongshoreError } from '@longshore/core';
import type { SubmitReply, SubmitRequest, TraceContext } from '@longshore/protocol';
import { readTask, submitTask, type Actor, type Store } from '@longshore/store';
import type { RequestChecker } from '../checking/request-checker.ts';
import { canonicalText } from '../checking/schema-rules.ts';
import { taskView } from './views.ts';

/** Takes tasks in: checks the request, writes the row. */
export class TaskSubmitter {
  readonly #store: Store;
  readonly #checker: RequestChecker;
  readonly #onWritten: () => void;

  /** @param onWritten told as soon as a task is stored, before it is read again for the reply. */
  constructor(store: Store, checker: RequestChecker, onWritten: () => void) {
    this.#store = store;
    this.#checker = checker;
    this.#onWritten = onWritten;
  }

  /** @throws {LongshoreError} TYPE_UNKNOWN, TYPE_INCOMPATIBLE, META_INVALID, META_TOO_LARGE, ARGUMENT_INVALID or TASK_KEY_TAKEN. */
  async submit(request: SubmitRequest, actor: Actor, trace: TraceContext | null): Promise<SubmitReply> {
    const { submitId, again } = request;
    const task = {
      ...(await this.#checker.check(request)),
      key: request.key ?? submitId ?? randomUUID(),
      trace,
      contentHash: contentHash(request),
      actor,
    };
    const { id, created } = await submitTask(this.#store.db, task, { submitId, again });
    this.#onWritten();
    const written = await readTask(this.#store.db, id);
    if (written === null) throw new LongshoreError('TASK_NOT_FOUND', `task ${id} was removed while it was being read`);
    return { task: taskView(written), created };
  }
}

/** Tells a repeated submit from another one: the whole request but its key and what the call is about, with sorted names. */
function contentHash(request: SubmitRequest): string {
  const { key: _key, again: _again, submitId: _submitId, ...content } = request;
  return createHash('sha256').update(canonicalText(content)).digest('hex');
}
