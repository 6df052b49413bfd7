import { DEFAULT_MAX_SCHEDULED_TASKS, MAX_SCHEDULED_TASKS } from '@longshore/core';
import { integer, LEADER_OPTIONS, type OptionSpec } from '@longshore/service';

/** What an owner is told besides the common settings. */
export const OWNER_OPTIONS = {
  ...LEADER_OPTIONS,
  maxScheduledTasks: {
    flag: 'max-scheduled-tasks',
    env: 'LONGSHORE_MAX_SCHEDULED_TASKS',
    help: 'Most tasks with slots at once, 1 to 1000; more would only share the same slots. "longshore limits set" overrides it.',
    schema: integer(1, MAX_SCHEDULED_TASKS),
    default: String(DEFAULT_MAX_SCHEDULED_TASKS),
  },
  maxRequests: {
    flag: 'max-requests',
    env: 'LONGSHORE_MAX_REQUESTS',
    help: 'Requests that this owner answers at once, 8 to 10000; others are answered with OVERLOADED and may be sent again. Lower it if requests keep the leading owner from its work.',
    schema: integer(8, 10_000),
    default: '256',
  },
  historyDays: {
    flag: 'history-days',
    env: 'LONGSHORE_HISTORY_DAYS',
    help: 'How long ended tasks are kept, in days, 1 to 36500, with their subtasks, events and keys, and their rows in the ledgers of targets.',
    schema: integer(1, 36_500),
    default: '14',
  },
} as const satisfies Record<string, OptionSpec>;
