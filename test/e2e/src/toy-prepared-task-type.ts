import { defineToy } from './define-toy.ts';

/** The toy that prepares its tasks. */
export default defineToy({ type: 'toy-prepared', isIdempotent: true, hasPrepare: true });
