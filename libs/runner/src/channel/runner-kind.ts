/** Where task types may run: `thread`: a worker thread of the executor, `process`: a process of its own. */
export type RunnerKind = 'thread' | 'process';
