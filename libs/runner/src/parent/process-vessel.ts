import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { passOutput } from './pass-output.ts';
import { pluginEnvironment } from './plugin-environment.ts';
import { readProcessMemory } from './process-memory.ts';
import {
  entryUrl,
  oldGenerationMb,
  YOUNG_GENERATION_MB,
  type Vessel,
  type VesselEvents,
  type VesselOptions,
} from './vessel.ts';

/** How long the last words of a process that has ended may take to arrive, in milliseconds. Usually they are there before. */
const LAST_WORDS_MS = 1_000;

/**
 * A process of its own: a native crash, the kernel's OOM killer or an exit ends it alone, and how it ended is known. It costs some 40 MB and
 * starts in a few hundred milliseconds. It ends with its executor.
 */
export function openProcess({ setup, memoryBytes, watch }: VesselOptions, events: VesselEvents): Vessel {
  const child = fork(fileURLToPath(entryUrl()), [], {
    env: pluginEnvironment(process.env),
    execArgv: [
      ...keptNodeArgs(process.execArgv),
      `--max-old-space-size=${oldGenerationMb(memoryBytes)}`,
      `--max-semi-space-size=${Math.ceil(YOUNG_GENERATION_MB / 3)}`,
    ],
    // What may be sent to a thread may be sent to a process: undefined, big integers, dates, maps.
    serialization: 'advanced',
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  if (child.stdout !== null) passOutput(child.stdout, process.stdout);
  if (child.stderr !== null) passOutput(child.stderr, process.stderr);
  const { pid } = child;
  const ended = untilEnded(child).then((how) => {
    if (pid !== undefined) watch?.ended(pid);
    events.ended(how);
  });
  if (pid !== undefined) watch?.started(pid);
  child.on('message', events.message);
  // It could not be started, or what was sent can't reach it any more: its end tells.
  child.on('error', (error) => {
    if (pid === undefined) events.failed(error);
  });
  // Not by its arguments or variables: settings may have secrets.
  post(child, setup);
  return {
    post: (message) => post(child, message),
    memory: () => (pid === undefined ? Promise.resolve(null) : readProcessMemory(pid)),
    terminate: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

function post(child: ChildProcess, message: object): void {
  // Nobody hears it any more once it has ended.
  if (child.connected) child.send(message, () => undefined);
}

/** @returns how it ended, once all that it said has arrived. */
async function untilEnded(child: ChildProcess): Promise<string> {
  const how = await new Promise<string>((resolve) => {
    child.once('exit', (code, signal) =>
      resolve(signal === null ? `the process exited with code ${code}` : `the process was ended by ${signal}`),
    );
    child.once('error', (error) => {
      if (child.pid === undefined) resolve(`the process could not be started: ${error.message}`);
    });
  });
  if (child.connected) {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, LAST_WORDS_MS);
      child.once('disconnect', () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
  return how;
}

/** Node's flags that a child needs to find the same modules. Others, such as `--inspect`, belong to one process only. */
function keptNodeArgs(execArgv: readonly string[]): readonly string[] {
  return execArgv.flatMap((arg, index) => {
    if (arg.startsWith('--conditions=')) return [arg];
    const next = execArgv[index + 1];
    return (arg === '--conditions' || arg === '-C') && next !== undefined ? [`--conditions=${next}`] : [];
  });
}
