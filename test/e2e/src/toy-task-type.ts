import { defineToy } from './define-toy.ts';

/** The toy whose subtasks may run again. */
export default defineToy({ type: 'toy', isIdempotent: true });
