import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const BIN = fileURLToPath(new URL('../bin/longshore.cjs', import.meta.url));

/** What one command line came to. */
export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Flags of a `dev` for tests: small and quick to start, on ports that no other test asks for. */
export const SMALL_DEV = ['--executors', '1', '--no-built-ins', '--nats-port', '0', '--postgres-port', '0', '--json'];

/** A command line under way, as a user's shell would start it. */
export interface RunningLongshore {
  readonly child: ChildProcess;
  readonly ended: Promise<Outcome>;
  /** Resolves once stdout holds this text; rejects with all output when the process ends first. */
  readonly says: (text: string) => Promise<void>;
  /** The first line of stdout, once it is there. */
  readonly saysLine: () => Promise<string>;
}

export function startLongshore(args: readonly string[], cwd: string, stdin = ''): RunningLongshore {
  return startProgram(process.execPath, [BIN, ...args], cwd, stdin);
}

/** The same for another program, such as npx. */
export function startProgram(program: string, args: readonly string[], cwd: string, stdin = ''): RunningLongshore {
  // A cluster that the developer's own shell names is not the one that a test means, and what runs the tests may ask for colours.
  const env = { ...process.env, LONGSHORE_NATS_URL: undefined, FORCE_COLOR: undefined };
  const child = spawn(program, args, { cwd, env, stdio: 'pipe' });
  // A program that ends without reading its input has closed it (EPIPE).
  child.stdin.on('error', () => undefined);
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
  const saysLine = async (): Promise<string> => {
    await says('\n');
    return stdout.split('\n')[0] ?? '';
  };
  return { child, ended, says, saysLine };
}

export function runLongshore(args: readonly string[], cwd: string, stdin = ''): Promise<Outcome> {
  return startLongshore(args, cwd, stdin).ended;
}
