import type { Migration } from 'kysely/migration';
import * as initial from './0001-initial.ts';
import * as throttle from './0002-throttle.ts';
import * as phase from './0003-phase.ts';
import * as lifecycle from './0004-lifecycle.ts';
import * as submitFunction from './0005-submit-function.ts';
import * as retention from './0006-retention.ts';
import * as summary from './0007-summary.ts';
import * as principal from './0008-principal.ts';
import * as targetAway from './0009-target-away.ts';
import * as groupedEvents from './0010-grouped-events.ts';
import * as undoBegan from './0011-undo-began.ts';
import * as crashes from './0012-crashes.ts';
import * as goneNodes from './0013-gone-nodes.ts';
import * as runs from './0014-runs.ts';
import * as skips from './0015-skips.ts';
import * as taskQueues from './0016-task-queues.ts';
import * as keptProgress from './0017-kept-progress.ts';
import * as restart from './0018-restart.ts';

/**
 * Forward-only, in order; a name is never changed once released. Each must leave the services of the version before working:
 * expand first, contract a version later.
 */
export const MIGRATIONS: Readonly<Record<string, Migration>> = {
  '0001-initial': initial,
  '0002-throttle': throttle,
  '0003-phase': phase,
  '0004-lifecycle': lifecycle,
  '0005-submit-function': submitFunction,
  '0006-retention': retention,
  '0007-summary': summary,
  '0008-principal': principal,
  '0009-target-away': targetAway,
  '0010-grouped-events': groupedEvents,
  '0011-undo-began': undoBegan,
  '0012-crashes': crashes,
  '0013-gone-nodes': goneNodes,
  '0014-runs': runs,
  '0015-skips': skips,
  '0016-task-queues': taskQueues,
  '0017-kept-progress': keptProgress,
  '0018-restart': restart,
};
