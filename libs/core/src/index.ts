export { isId, nodeId, subtaskId, taskId, type NodeId, type SubtaskId, type TaskId } from './data/ids.ts';
export { isKnownTaskState, isTerminalTaskState, OnFailure, TaskOutcome, TaskState } from './task/task-states.ts';
export { isTerminalSubtaskState, SubtaskState } from './subtask/subtask-states.ts';
export {
  isKnownSubtaskKind,
  isPlannedKind,
  isSideKind,
  kindsWith,
  SUBTASK_KIND_NAMES,
  SUBTASK_KINDS,
  SubtaskKind,
  type ControlKind,
  type SubtaskKindInfo,
} from './subtask/subtask-kinds.ts';
export { placeOf, placesOf, SHARED_PLACES, type HookPlace } from './subtask/hook-places.ts';
export {
  isTaskTransition,
  nextTaskState,
  TASK_TRANSITIONS,
  type TaskGuard,
  type TaskTransition,
  type TaskTrigger,
} from './task/task-transitions.ts';
export {
  isSubtaskTransition,
  SUBTASK_TRANSITIONS,
  type SubtaskTransition,
  type SubtaskTrigger,
} from './subtask/subtask-transitions.ts';
export {
  crashesError,
  isHigherCheckpoint,
  LOSSES_UNTIL_ALONE,
  MOST_CRASHES_ALONE,
  runsAlone,
  withCheckpoint,
  withCrashAlone,
  type CrashRecord,
} from './subtask/crashes.ts';
export {
  DEFAULT_LEASE,
  LEASE_BOUNDS,
  leaseEnding,
  type LeaseEnding,
  type LeaseSettings,
} from './liveness/node-lease.ts';
export { isClaimable } from './subtask/claimable.ts';
export { wantedLongLived, type LongLivedWish } from './subtask/long-lived.ts';
export { compareRank, PRIORITY, type Ranked } from './scheduling/rank.ts';
export {
  eligibleNodes,
  nodesInScope,
  NodeState,
  offersType,
  type EligibleNodes,
  type NodeInfo,
  type OfferedType,
  type PlacedTask,
  type WaitReason,
} from './placement/nodes.ts';
export {
  reserveInRankOrder,
  taskLimitReason,
  type Admission,
  type PinnedSlots,
  type ReservingTask,
} from './scheduling/reservation-ledger.ts';
export { HookLoads, LONG_HOOK_MS, nodeForHook, type NodeHook } from './placement/hook-loads.ts';
export { evenShares, nodeOfOrdinal, nodesForPlan } from './placement/spread.ts';
export type { RemainingWork } from './scheduling/remaining-work.ts';
export { balanceTask, type BalanceInput, type Move, type NodeLoad } from './scheduling/balance.ts';
export { startedOf, startedOn, type ClaimedWork } from './scheduling/started-work.ts';
export { choosePreempted, type PreemptibleRun } from './scheduling/preemption.ts';
export { resolutionGuard } from './task/resolution-guard.ts';
export {
  STOP_EFFECTS,
  STOP_REASONS,
  stopEffect,
  stopReasonOf,
  type StopEffect,
  type StopReason,
} from './subtask/stop-reasons.ts';
export {
  DEADLINE_EXCEEDED,
  decideTask,
  finishOrSucceed,
  type ControlSnapshot,
  type PlanResult,
  type TaskMove,
  type TaskSnapshot,
} from './task/decide-task.ts';
export { brand, hasBrand } from './errors/brand.ts';
export { ERROR_CODES, isErrorCode, type ErrorCode, type ErrorCodeInfo } from './errors/error-codes.ts';
export { isRetryInVain, mayBeginAnew, NOTHING_DONE, RETRY_IN_VAIN } from './errors/retry-in-vain.ts';
export { hasCode, LongshoreError, toErrorData, type ErrorData } from './errors/longshore-error.ts';
export { toJsonData, toStorableData } from './data/json-data.ts';
export { jsonFault, MAX_JSON_DEPTH } from './data/json-rule.ts';
export { storableText } from './data/storable-text.ts';
export {
  isPrincipalText,
  MAX_PRINCIPAL_NAME,
  MAX_PRINCIPAL_ROLE,
  type Principal,
  type PrincipalClaim,
} from './data/principal.ts';
export { needsPlacement, placementInForce, type PlacingTask, type StepPlacement } from './placement/step-placement.ts';
export { addSummaries, MAX_SUMMARY_COUNTERS, parseSummary, type Summary } from './subtask/summary.ts';
export { TARGET_AWAY_LIMIT_MS, waitForTarget, type TargetWait } from './subtask/target-wait.ts';
export {
  decideFailure,
  DEFAULT_RETRY_POLICY,
  retryWaitMs,
  type FailureDecision,
  type RetryPolicy,
} from './subtask/retry-policy.ts';
export { chooseTypeVersion, compareTypeVersions, isCompatibleVersion } from './placement/type-version.ts';
export {
  DEFAULT_MAX_SUBTASKS_PER_STEP,
  HIGHEST_MAX_SUBTASKS_PER_STEP,
  stepLimit,
  type StepLimit,
} from './subtask/step-limit.ts';
export {
  DEFAULT_MAX_SCHEDULED_TASKS,
  MAX_SCHEDULED_TASKS,
  MAX_CHECKPOINT_BYTES,
  MAX_KEY_CHARS,
  MAX_META_BYTES,
  MAX_SUBTASK_META_BYTES,
} from './data/limits.ts';
export {
  decideGates,
  GATES_STALE_MS,
  type GateHold,
  type GateReading,
  type HealthGate,
} from './throttle/health-gates.ts';
export {
  fullBudget,
  leaseTokens,
  THROTTLE_UNITS,
  type ThrottleLimits,
  type ThrottleUnit,
  type TokenBudget,
  type Tokens,
} from './throttle/throttle-budget.ts';
export { TokenQueue, type TokenRequest } from './throttle/token-queue.ts';
export {
  fitsPlacement,
  fitsSelectors,
  selectorText,
  type LabelSelector,
  type NodeLabels,
  type Placement,
} from './placement/label-selectors.ts';
export {
  runtimeSlotsOf,
  slotsPerSubtaskAfter,
  type Modification,
  type RuntimeSlots,
  type TaskChanges,
} from './task/task-changes.ts';
export { orAborted } from './waiting/or-aborted.ts';
export { pause } from './waiting/pause.ts';
