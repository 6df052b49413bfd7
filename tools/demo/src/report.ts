import type { TaskDetail } from '@longshore/client';
import { fieldsText, formatBytes, formatBytesPerSecond, formatCount, formatCountOf, formatDuration } from 'longshore';
import type { GeneratedCsv } from './generate-csv.ts';
import type { KillReport } from './kill-executor.ts';
import type { Proof } from './prove-rows.ts';

/** The table that the demo ends with. */
export function reportText(csv: GeneratedCsv, detail: TaskDetail, kill: KillReport | null, proof: Proof): string {
  const { createdAt, endedAt } = detail.task;
  const ms = endedAt === null ? 0 : Date.parse(endedAt) - Date.parse(createdAt);
  const speed = ms === 0 ? '' : `, ${formatBytesPerSecond((csv.bytes / ms) * 1_000)} from submit to succeed`;
  return fieldsText([
    ['rows loaded', `${formatCount(proof.loaded.rows)} of ${formatCount(csv.rows)}`],
    ['file', `${formatBytes(csv.bytes)} in ${formatDuration(ms)}${speed}`],
    ['killed', killText(kill)],
    ['lost work running again', recoveryText(kill)],
    ['subtasks re-run', formatCount(detail.rerun)],
    ['checksum of what was made', String(proof.made.checksum)],
    ['checksum of the table', String(proof.loaded.checksum)],
    ['proof', proof.holds ? 'holds: every row arrived exactly once, as it was made' : 'FAILS: the table differs'],
  ]);
}

function killText(kill: KillReport | null): string {
  if (kill === null) return 'none';
  return `${kill.node} by SIGKILL, with ${Math.round(kill.share * 100)}% of the file in; it ran ${formatCountOf(kill.lost, 'subtask')}`;
}

function recoveryText(kill: KillReport | null): string {
  if (kill === null || kill.lost === 0) return '-';
  if (kill.firstAgainMs === null) return 'not seen';
  const first = `${formatDuration(kill.firstAgainMs)} after the kill`;
  return kill.lost === 1 || kill.allAgainMs === null
    ? first
    : `${first}, all of it after ${formatDuration(kill.allAgainMs)}`;
}
