import { hash } from 'node:crypto';

/** Hexadecimal digits of a W3C span id and trace id. */
const SPAN_ID_DIGITS = 16;
const TRACE_ID_DIGITS = 32;

/**
 * The id of the span of an attempt. It follows from what the attempt is, so that a later attempt can link to it, and whoever finds
 * an attempt dead can tell its end, without anything stored.
 */
export function attemptSpanId(clusterId: string, subtaskId: string, attempt: number): string {
  return hash('sha1', `${clusterId}/${subtaskId}/${attempt}`, 'hex').slice(0, SPAN_ID_DIGITS);
}

/** The trace id of a task that was submitted without a trace: the same on every node. */
export function taskTraceId(clusterId: string, taskId: string): string {
  return hash('sha1', `${clusterId}/${taskId}`, 'hex').slice(0, TRACE_ID_DIGITS);
}
