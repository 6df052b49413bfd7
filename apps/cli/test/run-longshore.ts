import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const BIN = fileURLToPath(new URL('../bin/longshore.cjs', import.meta.url));

/** What one command line came to. */
export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command line under way, as a user's shell would start it. */
export interface RunningLongshore {
  readonly child: ChildProcess;
  readonly ended: Promise<Outcome>;
  /** Resolves once stdout holds this text; rejects with all output when the process ends first. */
  readonly says: (text: string) => Promise<void>;
}

export function startLongshore(args: readonly string[], cwd: string, stdin = ''): RunningLongshore {
  // A cluster that the developer's own shell names is not the one that a test means.
  const env = { ...process.env, LONGSHORE_NATS_URL: undefined };
  const child = spawn(process.execPath, [BIN, ...args], { cwd, env, stdio: 'pipe' });
  child.stdin.end(stdin);
  let stdout = '';
  let stderr = '';
  const heard = new Set<() => void>();
  child.stdout.on('data', (data: Buffer) => {
    stdout += data.toString();
    for (const look of heard) look();
  });
  child.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
  const ended = new Promise<Outcome>((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })));
  const says = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (stdout.includes(text)) resolve();
      };
      heard.add(look);
      look();
      void ended.then((outcome) => reject(new Error(`it never said ${text}: ${JSON.stringify(outcome)}`)));
    });
  return { child, ended, says };
}

export function runLongshore(args: readonly string[], cwd: string, stdin = ''): Promise<Outcome> {
  return startLongshore(args, cwd, stdin).ended;
}
