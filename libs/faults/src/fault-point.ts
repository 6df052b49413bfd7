import { existsSync, writeFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { FAULT_POINTS, type FaultPoint } from './fault-points.ts';

/** What happens to a process at a place. */
export interface Fault {
  readonly at: FaultPoint;
  /**
   * `kill`: SIGKILL, `stop`: SIGSTOP (until somebody sends SIGCONT), `block`: the thread that comes there blocks until the test removes
   * the file `once`, `hold`: whoever comes there waits until the test removes the file
   * `once`, and the rest of the process goes on, `delay`: wait, `fail`: throw an error there, once passed on like any other, `exit`: the
   * process ends with code 70.
   */
  readonly do: 'kill' | 'stop' | 'block' | 'hold' | 'delay' | 'fail' | 'exit';
  /** For `delay`: how long, in milliseconds. */
  readonly ms?: number;
  /** Happens at the n-th time that the process passes the place, from 1. Default: at the first time that `once` can be made. */
  readonly nth?: number;
  /**
   * A file that is made when it happens, with the process id in it. The first process to make it is the only one to which it happens,
   * so a fault for "whoever comes first" hits one process of many. While the file's folder doesn't exist nothing happens: a test arms
   * the fault of a running cluster by making the folder.
   */
  readonly once: string;
}

/** Thrown at a place by `fail`. */
export class InjectedFault extends Error {
  override readonly name = 'InjectedFault';
}

/** How often a held caller checks whether it may continue, in milliseconds. */
const HOLD_LOOK_MS = 20;

/** The variable that switches faults on: a JSON list. */
export const FAULTS_VARIABLE = 'LONGSHORE_FAULTS';

const faults = readFaults(process.env[FAULTS_VARIABLE]);
const passed = new Map<FaultPoint, number>();

/** Whether a test has armed any place in this process. */
export const areFaultsOn: boolean = faults.length > 0;

/**
 * A named place. Does nothing, and costs an empty call, unless the environment of a test says otherwise.
 *
 * @throws {InjectedFault} when a test wants this place to fail.
 */
export const faultPoint: (name: FaultPoint) => Promise<void> | undefined =
  faults.length === 0 ? () => undefined : passFaultPoint;

async function passFaultPoint(name: FaultPoint): Promise<void> {
  const count = (passed.get(name) ?? 0) + 1;
  passed.set(name, count);
  for (const fault of faults) {
    if (fault.at !== name || (fault.nth ?? count) !== count || !takeOnce(fault)) continue;
    await happen(fault);
  }
}

/** Whether this process is the first to make the fault's file. */
function takeOnce(fault: Fault): boolean {
  try {
    writeFileSync(fault.once, String(process.pid), { flag: 'wx' });
    return true;
  } catch {
    return false;
  }
}

async function happen(fault: Fault): Promise<void> {
  switch (fault.do) {
    case 'kill':
      process.kill(process.pid, 'SIGKILL');
      return;
    case 'stop':
      process.kill(process.pid, 'SIGSTOP');
      return;
    case 'block': {
      const nobody = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
      while (existsSync(fault.once)) Atomics.wait(nobody, 0, 0, HOLD_LOOK_MS);
      return;
    }
    case 'hold':
      while (existsSync(fault.once)) await wait(HOLD_LOOK_MS);
      return;
    case 'delay':
      await wait(fault.ms ?? 0);
      return;
    case 'fail':
      throw new InjectedFault(`a test made ${fault.at} fail`);
    case 'exit':
      process.exit(70);
  }
}

function readFaults(text: string | undefined): readonly Fault[] {
  if (text === undefined || text === '') return [];
  const list = JSON.parse(text) as readonly Fault[];
  for (const fault of list) {
    if (!FAULT_POINTS.includes(fault.at)) throw new Error(`${FAULTS_VARIABLE}: ${fault.at} is no fault point`);
  }
  return list;
}
