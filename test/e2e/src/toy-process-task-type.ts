import { defineToy } from './define-toy.ts';

/** The toy in processes of its own. */
export default defineToy({ type: 'toy-process', isIdempotent: true, runner: 'process' });
