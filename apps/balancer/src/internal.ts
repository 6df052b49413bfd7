/** What only tests and benchmarks of this repository need. */
export { balanceOnce, type BalancingContext } from './keep-balance.ts';
