import {
  chooseTypeVersion,
  DEFAULT_RETRY_POLICY,
  LongshoreError,
  MAX_META_BYTES,
  PRIORITY,
  type HealthGate,
} from '@longshore/core';
import type { GateRequest, SubmitRequest } from '@longshore/protocol';
import { readTypes, type Db, type StoredType, type TaskSettings } from '@longshore/store';
import { definedOf, runtimeSlotsOf } from './changes-of-request.ts';
import { MetaValidator } from './meta-validator.ts';
import { incompatibleType } from '../types/incompatible-type.ts';

/** How long registered types are remembered, in milliseconds: so much later a new version is the default. */
const TYPES_MS = 1_000;

/**
 * Makes a task's settings of a request: resolves its type, checks the meta against the type's schema, and fills in what the type and the
 * framework have as defaults. The same for a request of the API and for one that came through the SQL function.
 */
export class RequestChecker {
  readonly #db: Db;
  readonly #validator = new MetaValidator();
  readonly #known = new Map<string, { readonly versions: readonly StoredType[]; readonly readAt: number }>();

  constructor(db: Db) {
    this.#db = db;
  }

  /** @throws {LongshoreError} TYPE_UNKNOWN, TYPE_INCOMPATIBLE, META_INVALID, META_TOO_LARGE, or ARGUMENT_INVALID naming the field. */
  async check(request: SubmitRequest): Promise<TaskSettings> {
    const { type, version } = await this.#resolveType(request.type, request.typeVersion);
    const size = Buffer.byteLength(JSON.stringify(request.meta));
    if (size > MAX_META_BYTES) {
      throw new LongshoreError(
        'META_TOO_LARGE',
        `meta has ${size} bytes; the limit is ${MAX_META_BYTES}; put the data elsewhere and name it`,
      );
    }
    const { defaults } = type;
    return {
      type: type.type,
      typeVersion: version,
      priority: request.priority ?? PRIORITY.default,
      scope: request.scope ?? '',
      ...slotsOf(request, type),
      maxNodes: request.maxNodes ?? defaults.maxNodes ?? null,
      runtimeSlots: request.runtimeSlots === undefined ? null : runtimeSlotsOf(type, request.runtimeSlots),
      selectors: request.selectors ?? null,
      onFailure: request.onFailure ?? defaults.onFailure ?? 'revert',
      retry: {
        ...DEFAULT_RETRY_POLICY,
        ...defaults.retry,
        ...definedOf(request.retry ?? {}),
      },
      // After the limit of a wait for a target a person is asked.
      pauseOn: [...(defaults.pauseOn ?? []), 'TARGET_UNAVAILABLE'],
      subtaskTimeoutMs: request.subtaskTimeoutMs ?? defaults.subtaskTimeoutMs ?? null,
      stallTimeoutMs: request.stallTimeoutMs ?? defaults.stallTimeoutMs ?? null,
      deadlineMs: request.deadlineMs ?? defaults.deadlineMs ?? null,
      throttle: request.throttle === undefined ? null : definedOf(request.throttle),
      gates: request.gates?.map(withDefaults) ?? null,
      meta: this.#validator.validate(type, request.meta),
    };
  }

  /** Registered versions of a type, newest first. What was read a moment ago will do, unless it lacks what is asked for. */
  async #versionsOf(type: string, version: string | undefined): Promise<readonly StoredType[]> {
    const known = this.#known.get(type);
    const has = version === undefined || known?.versions.some((one) => one.version === version) === true;
    if (known !== undefined && has && performance.now() - known.readAt < TYPES_MS) return known.versions;
    const versions = await readTypes(this.#db, type);
    if (versions.length > 0) this.#known.set(type, { versions, readAt: performance.now() });
    return versions;
  }

  /** The task's version, by default the newest; and the registered one that stands for it. */
  async #resolveType(type: string, version: string | undefined): Promise<{ type: StoredType; version: string }> {
    const versions = await this.#versionsOf(type, version);
    const newest = versions[0];
    if (newest === undefined) {
      throw new LongshoreError(
        'TYPE_UNKNOWN',
        `no executor ever registered the task type ${JSON.stringify(type)}; see: longshore type list`,
      );
    }
    if (version === undefined) return { type: newest, version: newest.version };
    const registered = versions.map((candidate) => candidate.version);
    const chosen = chooseTypeVersion(version, registered);
    const found = versions.find((candidate) => candidate.version === chosen);
    if (found !== undefined) return { type: found, version };
    throw incompatibleType(type, version, registered);
  }
}

function slotsOf(request: SubmitRequest, { defaults }: StoredType): Pick<TaskSettings, 'slots' | 'slotsPerSubtask'> {
  const slots = request.slots ?? defaults.slots ?? 1;
  const slotsPerSubtask = request.slotsPerSubtask ?? Math.min(slots, defaults.slotsPerSubtask ?? slots);
  if (slotsPerSubtask <= slots) return { slots, slotsPerSubtask };
  throw new LongshoreError(
    'ARGUMENT_INVALID',
    `slotsPerSubtask: ${slotsPerSubtask} is more than the task's ${slots} slots`,
  );
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
