import { createHash, randomUUID } from 'node:crypto';
import { DEFAULT_RETRY_POLICY, LongshoreError, MAX_META_BYTES, PRIORITY, type HealthGate } from '@longshore/core';
import type { GateRequest, SubmitReply, SubmitRequest, TraceContext } from '@longshore/protocol';
import { readTask, readTypes, submitTask, type Store, type StoredType } from '@longshore/store';
import { definedOf, runtimeSlotsOf } from './changes-of-request.ts';
import { MetaValidator } from './meta-validator.ts';
import { taskView } from './views.ts';

/** Takes tasks in: resolves the type, checks the meta against its schema, fills in the type's defaults, writes the row. */
export class TaskSubmitter {
  readonly #store: Store;
  readonly #actor: string;
  readonly #onWritten: () => void;
  readonly #validator = new MetaValidator();

  /** @param onWritten told as soon as a task is stored, before it is read again for the reply. */
  constructor(store: Store, actor: string, onWritten: () => void) {
    this.#store = store;
    this.#actor = actor;
    this.#onWritten = onWritten;
  }

  /** @throws {LongshoreError} TYPE_UNKNOWN, META_INVALID, META_TOO_LARGE, ARGUMENT_INVALID or TASK_KEY_TAKEN. */
  async submit(request: SubmitRequest, trace: TraceContext | null): Promise<SubmitReply> {
    const type = await this.#resolveType(request.type, request.typeVersion);
    const size = Buffer.byteLength(JSON.stringify(request.meta));
    if (size > MAX_META_BYTES) {
      throw new LongshoreError(
        'META_TOO_LARGE',
        `meta has ${size} bytes, at most ${MAX_META_BYTES} are stored; put the data elsewhere and name it`,
      );
    }
    const meta = this.#validator.validate(type, request.meta);
    const slots = request.slots ?? type.defaults.slots ?? 1;
    const slotsPerSubtask = request.slotsPerSubtask ?? Math.min(slots, type.defaults.slotsPerSubtask ?? slots);
    if (slotsPerSubtask > slots) {
      throw new LongshoreError(
        'ARGUMENT_INVALID',
        `slotsPerSubtask: ${slotsPerSubtask} is more than the task's ${slots} slots`,
      );
    }
    const { id, created } = await submitTask(this.#store.db, {
      key: request.key ?? randomUUID(),
      type: type.type,
      typeVersion: type.version,
      priority: request.priority ?? PRIORITY.default,
      scope: request.scope ?? '',
      slots,
      slotsPerSubtask,
      maxNodes: request.maxNodes ?? type.defaults.maxNodes ?? null,
      onFailure: request.onFailure ?? type.defaults.onFailure ?? 'revert',
      retry: { ...DEFAULT_RETRY_POLICY, ...type.defaults.retry, ...definedOf(request.retry ?? {}) },
      meta,
      runtimeSlots: request.runtimeSlots === undefined ? null : runtimeSlotsOf(type, request.runtimeSlots),
      selectors: request.selectors ?? null,
      pauseOn: type.defaults.pauseOn ?? [],
      subtaskTimeoutMs: request.subtaskTimeoutMs ?? type.defaults.subtaskTimeoutMs ?? null,
      stallTimeoutMs: request.stallTimeoutMs ?? type.defaults.stallTimeoutMs ?? null,
      deadlineMs: request.deadlineMs ?? type.defaults.deadlineMs ?? null,
      throttle: request.throttle === undefined ? null : definedOf(request.throttle),
      gates: request.gates?.map(withDefaults) ?? null,
      trace,
      contentHash: contentHash(request),
      actor: this.#actor,
    });
    this.#onWritten();
    const task = await readTask(this.#store.db, id);
    if (task === null) throw new LongshoreError('TASK_NOT_FOUND', `task ${id} was removed while it was being read`);
    return { task: taskView(task), created };
  }

  async #resolveType(type: string, version: string | undefined): Promise<StoredType> {
    const versions = await readTypes(this.#store.db, type);
    const newest = versions[0];
    if (newest === undefined) {
      throw new LongshoreError(
        'TYPE_UNKNOWN',
        `no executor ever registered the task type ${JSON.stringify(type)}; see: longshore type list`,
      );
    }
    if (version === undefined) return newest;
    const wanted = versions.find((candidate) => candidate.version === version);
    if (wanted !== undefined) return wanted;
    const known = versions.map((candidate) => candidate.version).join(', ');
    throw new LongshoreError('TYPE_UNKNOWN', `there is no version ${version} of ${type}; registered: ${known}`);
  }
}

function withDefaults(gate: GateRequest): HealthGate {
  switch (gate.kind) {
    case 'replica-lag':
      return { ...gate, minReplicas: gate.minReplicas ?? 1 };
    case 'lock-waits':
      return { ...gate, maxSessions: gate.maxSessions ?? 0, afterMs: gate.afterMs ?? 1_000 };
    case 'query':
      return gate;
  }
}

/** Tells a repeated submit from another one: the whole request but its key, with sorted names. */
function contentHash(request: SubmitRequest): string {
  const { key: _key, ...content } = request;
  return createHash('sha256').update(canonical(content)).digest('hex');
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value ?? null);
  const entries = Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([name, field]) => `${JSON.stringify(name)}:${canonical(field)}`).join(',')}}`;
}
