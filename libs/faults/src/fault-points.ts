/**
 * Every named place, in the order in which a task meets them. A test names one; the code at the place calls
 * `faultPoint(name)`.
 */
export const FAULT_POINTS = [
  /** A task is written and not committed. */
  'submit.before-commit',
  /** An executor has read what it could claim, and claims nothing yet. */
  'claim.before',
  /** The claim's transaction holds its locks and has not been committed. */
  'claim.before-commit',
  /** The claim is committed, and the executor doesn't know yet. */
  'claim.after-commit',
  /** A page of a plan is inserted and not committed. */
  'plan.page-before-commit',
  /** A page of a plan is committed, more follow. */
  'plan.page-after-commit',
  /** Right before a hook of the plugin is called, in its worker. */
  'hook.before',
  /** The work of an effect transaction is done, and not committed. */
  'effect.before-commit',
  /** An effect transaction is committed, and nobody was told. */
  'effect.after-commit',
  /** A hook has ended, and its result is not written. */
  'settle.before',
  /** The results are written and not committed. */
  'settle.before-commit',
  /** The results are committed, and the executor doesn't know yet. */
  'settle.after-commit',
  /** A leader's write has passed its fence and has not been committed. */
  'leader.before-commit',
  /** An election has the lease's row, and the new epoch is not committed. */
  'election.before-commit',
  /** Tokens of a task's budget are leased and not committed. */
  'throttle.before-commit',
  /** A node is about to look for rows that are stored as its own and that it doesn't know. */
  'reconcile.before',
  /** Such rows are found, the node is asked whether it still doesn't know them, and nothing is given back yet. */
  'reconcile.asked',
  /** A node's lease is about to be renewed. */
  'lease.before-renew',
] as const;

export type FaultPoint = (typeof FAULT_POINTS)[number];
