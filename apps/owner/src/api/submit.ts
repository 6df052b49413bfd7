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
  /** Calls that are being carried out: one that is sent again meanwhile gets the same answer. */
  readonly #underWay = new Map<string, Promise<SubmitReply>>();

  /** @param onWritten told as soon as a task is stored, before it is read again for the reply. */
  constructor(store: Store, checker: RequestChecker, onWritten: () => void) {
    this.#store = store;
    this.#checker = checker;
    this.#onWritten = onWritten;
  }

  /** @throws {LongshoreError} TYPE_UNKNOWN, TYPE_INCOMPATIBLE, META_INVALID, META_TOO_LARGE, ARGUMENT_INVALID or TASK_KEY_TAKEN. */
  submit(request: SubmitRequest, actor: Actor, trace: TraceContext | null): Promise<SubmitReply> {
    const { submitId, key = '', again = false } = request;
    const hash = contentHash(request);
    if (submitId === undefined) return this.#submit(request, hash, actor, trace);
    const call = JSON.stringify([submitId, key, again, hash]);
    const known = this.#underWay.get(call);
    if (known !== undefined) return known;
    const answer = this.#submit(request, hash, actor, trace).finally(() => this.#underWay.delete(call));
    this.#underWay.set(call, answer);
    return answer;
  }

  async #submit(
    request: SubmitRequest,
    contentHash: string,
    actor: Actor,
    trace: TraceContext | null,
  ): Promise<SubmitReply> {
    const { submitId, again } = request;
    const task = {
      ...(await this.#checker.check(request)),
      key: request.key ?? submitId ?? randomUUID(),
      trace,
      contentHash,
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
