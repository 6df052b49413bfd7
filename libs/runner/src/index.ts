export type {
  HostCall,
  PlacedStep,
  PlannedStep,
  PlanPage,
  Postponed,
  RunEnd,
  RunnerSetup,
  RunningTaskChange,
  RunProgress,
  RunSpec,
  Settled,
} from './messages.ts';
export { startRunner, type Runner, type RunnerHost, type RunnerOptions } from './start-runner.ts';
export type { TypeDescription } from './type-description.ts';
export type { Turn } from './turn.ts';
