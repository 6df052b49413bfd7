/** What the exit code of every command means. Scripts rely on it: a code is never given a second meaning. */
export const EXIT = {
  ok: 0,
  taskFailed: 1,
  refused: 2,
  notFound: 3,
  unreachable: 4,
  canceled: 5,
  awaitsResolution: 6,
  fault: 7,
  skipped: 8,
  interrupted: 130,
  terminated: 143,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** The table of `longshore --help` and of the README. */
export const EXIT_CODE_HELP = `Exit codes:
  0    done; with --wait, wait and watch: the task succeeded, with all of its work
  1    the task failed, and its work was undone
  2    wrong usage, or refused: an argument, a state that doesn't allow it, a dev cluster that runs already
  3    no such task or task type
  4    the cluster cannot be reached
  5    the task was canceled
  6    the task failed and awaits resolution (--on-failure hold)
  7    an internal error of longshore or of a process that it starts
  8    the task succeeded without work that was skipped (task skip)
  130  Ctrl-C; the task continues
  143  SIGTERM`;
