import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const page = readFileSync(`${root}docs/reference/contract.md`, 'utf8');

/** The members of the source's interfaces, by the headings of the page. */
const members: Readonly<Record<string, readonly string[]>> = {
  TaskTable: [
    'GetTaskExecInfoByExecID',
    'GetTaskByID',
    'GetTaskBaseByID',
    'GetSubtasksByExecIDAndStepAndStates',
    'GetFirstSubtaskInStates',
    'HasSubtasksInStates',
    'InitMeta',
    'RecoverMeta',
    'StartSubtask',
    'FinishSubtask',
    'UpdateSubtaskStateAndError',
    'FailSubtask',
    'CancelSubtask',
    'PauseSubtasks',
    'RunningSubtasksBack2Pending',
    'GetSubtaskCheckpoint',
    'UpdateSubtaskCheckpoint',
    'UpdateSubtaskSummary',
  ],
  TaskExecutor: ['Init', 'Run', 'GetTaskBase', 'CancelRunningSubtask', 'Cancel', 'Close', 'IsRetryableError'],
  Extension: ['IsIdempotent', 'GetStepExecutor', 'IsRetryableError'],
  StepExecutor: [
    'Init',
    'RunSubtask',
    'RealtimeSummary',
    'ResetSummary',
    'Cleanup',
    'TaskMetaModified',
    'ResourceModified',
    'GetStep',
    'GetResource',
    'SetResource',
    'GetMeterRecorder',
    'GetCheckpointUpdateFunc',
    'GetCheckpointFunc',
  ],
  'Scheduler extension': [
    'OnTick',
    'OnPrepare',
    'OnNextSubtasksBatch',
    'OnDone',
    'GetEligibleInstances',
    'IsRetryableErr',
    'GetNextStep',
    'ModifyMeta',
  ],
  'Task handle': ['GetPreviousSubtaskMetas', 'GetPreviousSubtaskSummary', 'WithNewSession', 'WithNewTxn'],
  Cleaner: ['Clean', 'BatchClean', 'CleanExpiredFiles'],
  'Slot manager of the owner': [
    'canReserve',
    'reserve',
    'unReserve',
    'update',
    'updateCapacity',
    'adjustEligibleNodes',
  ],
  'Slot manager of an executor': ['canAlloc', 'alloc', 'free', 'exchange', 'availableSlots'],
};

/** The rows of a section's table, cells without their padding. */
function rowsOf(heading: string): readonly (readonly string[])[] {
  const [, section = ''] = page.split(`## ${heading}\n`);
  const lines = (section.split('\n## ')[0] ?? '').split('\n').filter((line) => line.startsWith('|'));
  return lines.slice(2).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

const rows = Object.keys(members).flatMap((heading) =>
  rowsOf(heading).map(([source = '', ours = '', files = '', test = '']) => ({ heading, source, ours, files, test })),
);

test.each(Object.entries(members))('every member of %s has its row', (heading, names) => {
  expect(rowsOf(heading).map(([source]) => source)).toEqual(names.map((name) => `\`${name}\``));
});

test.each(rows)('$heading $source names files and a test that are there', ({ ours, files, test: shown }) => {
  if (files === '—') {
    // What has no file says why.
    expect(ours).toMatch(/^Not .{20}/);
    return;
  }
  for (const [, path = ''] of files.matchAll(/`([^`]+)`/g)) expect(existsSync(root + path), path).toBe(true);
  const [, path = '', title = ''] = /^`([^`]+)`: "(.+)"$/.exec(shown) ?? [];
  expect(path, shown).not.toBe('');
  expect(readFileSync(root + path, 'utf8')).toContain(title);
});
