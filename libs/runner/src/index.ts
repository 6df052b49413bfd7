export type {
  HostCall,
  PlacedStep,
  PlannedStep,
  PlanPage,
  Postponed,
  TargetAway,
  RunEnd,
  RunnerSetup,
  RunningTaskChange,
  Amounts,
  RunProgress,
  RunSpec,
  Settled,
} from './channel/messages.ts';
export { startRunner, type Runner, type RunnerHost, type RunnerOptions } from './parent/start-runner.ts';
export type { TypeDescription } from './channel/type-description.ts';
export type { TurnOfRuns } from './parent/turn.ts';
export type { RunnerKind } from './channel/runner-kind.ts';
export type { ProcessWatch } from './parent/vessel.ts';
