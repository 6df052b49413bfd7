import { defineToy } from './define-toy.ts';

/** The toy whose subtasks must never run twice. */
export default defineToy({ type: 'toy-once', isIdempotent: false });
