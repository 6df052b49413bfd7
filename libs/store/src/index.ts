export type { RetryColumns, TypeDefaults } from './database.ts';
export { isStoreAway, openStore, SCHEMA, storeError, type Store, type StoreOptions } from './open-store.ts';
export { checkSchema, migrateStore, type MigrateResult } from './migrate.ts';
export { readTogether, type Db } from './transactions.ts';
export {
  asLeader,
  electLeader,
  renewLeadership,
  resignLeadership,
  type LeaderLease,
  type LeaseName,
} from './leader-lease.ts';
export { submitTask, type NewTask } from './submit-task.ts';
export { readSubmitted, type SubmittedRequest } from './submitted-task.ts';
export { listenForSubmits, type SubmitListener } from './listen-for-submits.ts';
export type { TaskSettings } from './task-settings.ts';
export { cancelTask } from './cancel-task.ts';
export { pauseTask, resumeTask, type ControlResult } from './pause-task.ts';
export { modifyTask } from './modify-task.ts';
export { retryTask, revertTask, skipFailed } from './resolve-task.ts';
export { readSettings, saveSettings, type ClusterSettings } from './cluster-settings.ts';
export type { HeldSubtask, NodeIdentity } from './held-subtask.ts';
export { claimSubtasks, type ClaimedSubtask, type ClaimRequest } from './claim-subtasks.ts';
export {
  readClaimableWork,
  readTaskStates,
  type ClaimableWork,
  type RunnableTask,
  type RunningTaskState,
} from './claimable-work.ts';
export { readTaskForRunner, type TaskForRunner } from './task-for-runner.ts';
export { settleSubtasks, type Settlement, type SettleResult } from './settle-subtasks.ts';
export { raiseAttempt, saveCheckpoint, saveProgress, type HeldProgress } from './holder-writes.ts';
export { releaseUnknown } from './release-unknown.ts';
export {
  checkStepIsNew,
  clearAbandonedPlan,
  insertPlanPage,
  PLAN_PAGE_ROWS,
  type PlanHold,
  type PlannedPage,
  type PlannedRow,
} from './plan-pages.ts';
export { readPreviousSubtasks, type PreviousSubtask } from './previous-subtasks.ts';
export {
  readNodeLoads,
  readNodes,
  registerNode,
  renewNode,
  setNodeState,
  type NodeRegistration,
  type StoredNode,
} from './nodes.ts';
export { extendAllLeases, fenceExpiredNodes, sweepOrphans, type FreedSubtask } from './fence-nodes.ts';
export {
  moveControl,
  moveSubtasks,
  readImbalances,
  readStrandedControls,
  type BalanceSnapshot,
  type StrandedControl,
} from './move-subtasks.ts';
export { readClusterId } from './cluster-identity.ts';
export { readTypes, registerType, type StoredType } from './task-types.ts';
export { readSchedulingSnapshot, type ScheduledTask } from './scheduling-snapshot.ts';
export {
  ownerWrites,
  type AdmissionChange,
  type AfterLastStep,
  type ControlMeta,
  type OwnerWrites,
} from './owner-writes.ts';
export { membershipOf, NO_NODE } from './step-placement.ts';
export { readPinnedSlots } from './pinned-slots.ts';
export { findForgottenTasks, forgetOldTasks } from './history-retention.ts';
export { readTaskTraces } from './read-task-traces.ts';
export { findTaskByKey, listTasks, readTask, readTaskMeta, type StoredTask, type TaskFilter } from './read-tasks.ts';
export { leaseThrottle, type ThrottleLease } from './throttle-budgets.ts';
export { readGates, saveGates, type StoredGates } from './task-gates.ts';
export { readWaiting, type StoredWaiting } from './read-waiting.ts';
export { readProgress, type StoredNodeProgress, type StoredStepProgress, type TaskProgress } from './read-progress.ts';
export { readEvents, readSubtasks, type StoredEvent, type StoredSubtask, type SubtaskFilter } from './read-pages.ts';
