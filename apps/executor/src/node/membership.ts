import { LongshoreError } from '@longshore/core';
import { faultPoint } from '@longshore/faults';
import {
  readNode,
  registerNode,
  renewNode,
  setNodeState,
  type NodeIdentity,
  type NodeRegistration,
  type Store,
} from '@longshore/store';
import { findCrashed } from './find-crashed.ts';
import { duringStart, FailureLog, startLoop, type WakeableLoop } from '@longshore/service';
import type { Logger } from '@longshore/telemetry';

export interface MembershipOptions {
  readonly store: Store;
  readonly logger: Logger;
  readonly registration: NodeRegistration;
  readonly signal: AbortSignal;
  /** The lease was renewed, or the node registered. @param endsAt when it ends, by this process's `performance.now()`. */
  readonly onRenewed: (node: NodeIdentity, endsAt: number) => void;
  /** The node was declared dead while it lived: others have its work now. It has been registered anew when this returns. */
  readonly onFenced: () => void;
  /** The lease has run out by this process's own clock: non-idempotent work must stop before anyone else may start it. */
  readonly onLeaseOverdue: () => void;
  /** Another process registered under this name. */
  readonly onReplaced: (error: LongshoreError) => void;
}

/** Renewals per lease time. */
const RENEWALS_PER_TTL = 3;

/** This node's place in the cluster: registers it, renews its lease, and notices when it was lost. */
export class Membership {
  readonly #options: MembershipOptions;
  /** Sessions for the lease alone. */
  readonly #leases: Store;
  #identity: NodeIdentity;
  #renewedAt: number;
  #isOverdue = false;
  #overdueTimer: NodeJS.Timeout | undefined;
  readonly #loop: WakeableLoop;
  readonly #renewing: FailureLog;

  private constructor(options: MembershipOptions, identity: NodeIdentity, registeringAt: number) {
    this.#options = options;
    this.#renewing = new FailureLog(options.logger, "the renewal of this node's lease");
    this.#leases = options.store.openForLease(options.registration.leaseTtlMs);
    this.#identity = identity;
    this.#renewedAt = registeringAt;
    this.#renewed(registeringAt);
    options.signal.addEventListener('abort', () => clearTimeout(this.#overdueTimer));
    this.#loop = startLoop({
      intervalMs: this.#pauseMs,
      round: () => this.#renewAgain(),
      onError: (error) => this.#renewing.failed(error),
      signal: options.signal,
    });
  }

  static async join(options: MembershipOptions): Promise<Membership> {
    const { store, registration } = options;
    const crashedEpoch = await findCrashed(store.db, registration);
    return duringStart(options, `the row of node ${registration.id}`, async () => {
      const registeringAt = performance.now();
      const identity = await registerNode(store.db, { ...registration, crashedEpoch });
      return new Membership(options, identity, registeringAt);
    });
  }

  get identity(): NodeIdentity {
    return this.#identity;
  }

  /** When the lease ends that was renewed last, by this process's `performance.now()`. */
  get leaseEndsAt(): number {
    return this.#renewedAt + this.#options.registration.leaseTtlMs;
  }

  /** False while the lease has run out by our own clock: nothing new is claimed then. */
  get isCurrent(): boolean {
    return !this.#isOverdue && performance.now() < this.leaseEndsAt;
  }

  /** Stops taking work; what runs goes on. */
  async drain(): Promise<void> {
    await setNodeState(this.#options.store.db, this.#identity, 'draining');
  }

  /** Leaves: everything has been handed back. */
  async leave(): Promise<void> {
    await this.#loop.done;
    await this.#leases.close();
    await setNodeState(this.#options.store.db, this.#identity, 'stopped');
  }

  get #pauseMs(): number {
    return this.#options.registration.leaseTtlMs / RENEWALS_PER_TTL;
  }

  /** Renews; true when the next renewal is due already, since this one waited for an answer that never came. */
  async #renewAgain(): Promise<boolean> {
    const before = performance.now();
    try {
      return await this.#renew();
    } catch (error) {
      if (performance.now() - before < this.#pauseMs) throw error;
      this.#renewing.failed(error);
      return true;
    }
  }

  async #renew(): Promise<boolean> {
    const { registration, logger } = this.#options;
    const { db } = this.#leases;
    await faultPoint('lease.before-renew');
    const before = performance.now();
    if (await renewNode(db, this.#identity, registration.leaseTtlMs)) {
      this.#renewing.worked();
      this.#renewed(before);
      return false;
    }
    const stored = await readNode(db, registration.id);
    if (stored !== null && BigInt(stored.epoch) > BigInt(this.#identity.epoch)) {
      this.#options.onReplaced(
        new LongshoreError(
          'NODE_FENCED',
          `another process (${stored.host}, pid ${stored.pid}) registered as node ${registration.id}; give each executor a --node-id of its own`,
        ),
      );
      return false;
    }
    logger.warn({ epoch: this.#identity.epoch }, 'this node was declared dead; registering anew');
    const registeringAt = performance.now();
    this.#identity = await registerNode(db, registration);
    this.#renewed(registeringAt);
    this.#options.onFenced();
    return false;
  }

  /** @param at when the renewal was begun: the lease lasts at least from then. */
  #renewed(at: number): void {
    this.#renewedAt = at;
    this.#isOverdue = false;
    this.#options.onRenewed(this.#identity, this.leaseEndsAt);
    this.#watchLease();
  }

  /** A timer of its own, because a renewal may never be answered: a pulled cable reports no error. */
  #watchLease(): void {
    clearTimeout(this.#overdueTimer);
    const leftMs = this.leaseEndsAt - performance.now();
    if (leftMs > 0) {
      this.#overdueTimer = setTimeout(() => this.#watchLease(), Math.ceil(leftMs));
      return;
    }
    this.#isOverdue = true;
    this.#options.onLeaseOverdue();
  }
}
