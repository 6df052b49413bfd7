import { spawn, type IPty } from '@lydell/node-pty';
import xterm from '@xterm/headless';
import { expect, onTestFinished } from 'vitest';

/** How a program in a terminal ended. */
export interface TerminalEnd {
  readonly exitCode: number;
  readonly signal?: number | undefined;
}

/** A program in a real pseudo-terminal, and what a terminal shows of it. */
export class TestTerminal {
  readonly #pty: IPty;
  readonly #screen: InstanceType<typeof xterm.Terminal>;
  readonly ended: Promise<TerminalEnd>;
  #parsed = Promise.resolve();

  /** Starts a Node program; it ends with the test at the latest. */
  static start(args: readonly string[], cwd: string, { columns = 100, rows = 30 } = {}): TestTerminal {
    const env = { ...process.env, TERM: 'xterm-256color', LONGSHORE_NATS_URL: '' };
    const pty = spawn(process.execPath, ['--conditions=@longshore/source', ...args], { cwd, env, cols: columns, rows });
    const terminal = new TestTerminal(pty, columns, rows);
    onTestFinished(async () => {
      terminal.kill('SIGKILL');
      await terminal.ended;
    });
    return terminal;
  }

  private constructor(pty: IPty, columns: number, rows: number) {
    this.#pty = pty;
    this.#screen = new xterm.Terminal({ cols: columns, rows, scrollback: 10_000, allowProposedApi: true });
    pty.onData((data) => {
      this.#parsed = new Promise((resolve) => this.#screen.write(data, resolve));
    });
    this.ended = new Promise((resolve) => pty.onExit(resolve));
  }

  /** Whether lines are wrapped and the cursor shows, as in a new terminal. */
  get isAsBefore(): boolean {
    const core = this.#screen as unknown as { _core: { coreService: { isCursorHidden: boolean } } };
    return this.#screen.modes.wraparoundMode && !core._core.coreService.isCursorHidden;
  }

  get pid(): number {
    return this.#pty.pid;
  }

  /** What the terminal shows, with all that has scrolled out of it; lines that it broke are whole. */
  async lines(): Promise<readonly string[]> {
    await this.#parsed;
    const { active } = this.#screen.buffer;
    const lines: string[] = [];
    for (let row = 0; row < active.length; row += 1) {
      const line = active.getLine(row);
      const text = line?.translateToString(true) ?? '';
      if (line?.isWrapped === true) lines.push(`${lines.pop() ?? ''}${text}`);
      else lines.push(text);
    }
    return lines.slice(0, lines.findLastIndex((line) => line !== '') + 1);
  }

  /** Waits until it shows a line like this. */
  async shows(line: RegExp): Promise<void> {
    await expect.poll(async () => (await this.lines()).join('\n'), { timeout: 120_000 }).toMatch(line);
  }

  type(text: string): void {
    this.#pty.write(text);
  }

  kill(signal: string): void {
    try {
      this.#pty.kill(signal);
    } catch {
      // It has ended.
    }
  }

  /**
   * Another size, as when a user pulls at the window. What the program has written is on the screen by then: what is on its way while a
   * window changes is drawn for the old size, in every terminal.
   */
  async resize(columns: number, rows: number): Promise<void> {
    this.kill('SIGSTOP');
    // All that it wrote before is in the kernel's buffer, and is read in the next turns of the event loop.
    for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    await this.#parsed;
    this.#screen.resize(columns, rows);
    this.#pty.resize(columns, rows);
    this.kill('SIGCONT');
  }
}
