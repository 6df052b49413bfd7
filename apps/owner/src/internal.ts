/** What only tests and benchmarks of this repository need. */
export { schedulingRounds, type RoundContext, type RoundResult } from './scheduling/scheduling-round.ts';
