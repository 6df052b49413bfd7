import type { MessageToRunner, RunnerSetup } from '../channel/messages.ts';

/** What a runner lives in: a worker thread of the executor, or a process of its own. */
export interface Vessel {
  post(message: MessageToRunner): void;
  /** Bytes that it uses now; null: nobody can say, such as while it ends. One that is busy may answer late. */
  memory(): Promise<number | null>;
  /** Ends it at once. Resolves when it has ended. */
  terminate(): Promise<void>;
}

/** What its parent is told of a vessel. */
export interface VesselEvents {
  /** It said something. Plugin code shares it, so this may be anything. */
  readonly message: (message: unknown) => void;
  /** It said something that can't be taken apart here. */
  readonly unreadable: (cause: unknown) => void;
  /** Something was thrown in it where nobody waits; its end follows. */
  readonly failed: (thrown: unknown) => void;
  /** It has ended. Told once, and last. @param how in words, such as `the process was ended by SIGSEGV`. */
  readonly ended: (how: string) => void;
}

export interface VesselOptions {
  readonly setup: RunnerSetup;
  /** V8's limit for its heap, in bytes. */
  readonly memoryBytes: number;
  /** Told of the process that it is, for whoever has to end it when this process can't. */
  readonly watch?: ProcessWatch | undefined;
}

/** Told of processes of runners by their ids. */
export interface ProcessWatch {
  readonly started: (pid: number) => void;
  readonly ended: (pid: number) => void;
}

/**
 * Memory for young objects of a runner, in MiB. Node lets a thread that has reached its limit go 16 MiB beyond, to come to its end; more
 * than that ends the whole process. With V8's default of 48 MiB, a collection on a busy machine moved twice as much at once: 5 of 18 test
 * runs died, and none with 12. A process has the same, so that both have the same memory.
 */
export const YOUNG_GENERATION_MB = 12;

/** V8's limit for the old generation, in MiB: below 64 hardly a package loads. */
export function oldGenerationMb(memoryBytes: number): number {
  return Math.max(64, Math.floor(memoryBytes / (1024 * 1024)));
}

/** The module that both kinds run. */
export function entryUrl(): URL {
  return new URL(import.meta.resolve('@longshore/runner/worker'));
}
