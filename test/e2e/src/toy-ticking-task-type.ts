import { defineToy } from './define-toy.ts';

/** The toy that keeps something alive. */
export default defineToy({ type: 'toy-ticking', isIdempotent: true, hasTick: true });
