import prettyBytes from 'pretty-bytes';
import prettyMs from 'pretty-ms';

/** What stands for a value that there isn't. */
export const NONE = '-';

/** 1234567 as `1,234,567`. */
export function formatCount(count: number): string {
  return Math.round(count).toLocaleString('en-US');
}

/** `1 subtask`, `2,000 subtasks` */
export function formatCountOf(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** Decimal megabytes, as disks and networks are measured: `66.4 MB`. */
export function formatBytes(bytes: number): string {
  return prettyBytes(bytes, { maximumFractionDigits: 1 });
}

/** `31.2 MB/s` */
export function formatBytesPerSecond(bytesPerSecond: number): string {
  return `${formatBytes(Math.round(bytesPerSecond))}/s`;
}

/** `1m 12s`; tenths below ten seconds. */
export function formatDuration(ms: number): string {
  return ms < 10_000 ? `${(Math.max(0, ms) / 1_000).toFixed(1)}s` : prettyMs(Math.round(ms / 1_000) * 1_000);
}

/** How long ago, in its largest unit: `3m ago`. */
export function formatAge(instant: string, nowMs: number): string {
  const ms = nowMs - Date.parse(instant);
  return ms < 1_000 ? 'just now' : `${prettyMs(ms, { compact: true })} ago`;
}
