import { LongshoreError } from '@longshore/core';
import type { TaskType } from '@longshore/sdk';
import { checkContract } from './check-contract.ts';
import type { RunnerSetup } from '../channel/messages.ts';

export interface LoadedType {
  readonly type: TaskType;
  /** The type's `connections` as it was loaded, whatever hooks do to the type later; null: it declares none. */
  readonly connectionsOf: ((meta: unknown) => readonly string[]) | null;
  /** The executor's settings, checked by the type's schema. */
  readonly settings: unknown;
  /** What its author should know; null: nothing. */
  readonly warning: string | null;
}

/**
 * Imports a task-type package and checks that it can be run here.
 *
 * @param settingsOf asks for the executor's settings of a type.
 * @throws {LongshoreError} PLUGIN_LOAD_FAILED, PLUGIN_INVALID, PLUGIN_CONTRACT or PLUGIN_SETTINGS_INVALID.
 */
export async function loadTaskType(
  { packageName, moduleUrl }: RunnerSetup,
  settingsOf: (type: string) => Promise<unknown>,
): Promise<LoadedType> {
  const module = await import(moduleUrl).then(
    (loaded: unknown) => loaded as { readonly default?: unknown },
    (cause: unknown) => {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new LongshoreError('PLUGIN_LOAD_FAILED', `cannot import ${packageName}: ${reason}`, { cause });
    },
  );
  const exported = module.default;
  // The contract first: of another version, the rest may look different.
  const warning = checkContract(readContract(exported, packageName), packageName);
  const type = checkShape(exported, packageName);
  const connectionsOf = type.connections?.bind(type) ?? null;
  return { type, connectionsOf, settings: await checkSettings(type, packageName, settingsOf), warning };
}

function invalidPlugin(packageName: string, reason: string): LongshoreError {
  const message = `${packageName}: ${reason}; export the result of defineTaskType as default`;
  return new LongshoreError('PLUGIN_INVALID', message);
}

function readContract(exported: unknown, packageName: string): Pick<TaskType, 'contract' | 'hooks'> {
  const invalid = (reason: string): LongshoreError => invalidPlugin(packageName, reason);
  if (typeof exported !== 'object' || exported === null) throw invalid('there is no default export of a task type');
  const { contract, hooks = [] } = exported as Partial<TaskType>;
  if (!Number.isInteger(contract)) throw invalid('the default export has no contract version');
  if (!Array.isArray(hooks) || !hooks.every((hook) => typeof hook === 'string')) {
    throw invalid('its hooks are no list of names');
  }
  return { contract: Number(contract), hooks };
}

function checkShape(exported: unknown, packageName: string): TaskType {
  const invalid = (reason: string): LongshoreError => invalidPlugin(packageName, reason);
  const type = exported as Partial<TaskType>;
  if (typeof type.type !== 'string' || typeof type.version !== 'string') throw invalid('type or version is missing');
  if (!Array.isArray(type.steps) || type.steps.length === 0) throw invalid('it has no steps');
  if (typeof type.scheduler?.planStep !== 'function') throw invalid('scheduler.planStep is missing');
  if (typeof type.executor?.getStepExecutor !== 'function') throw invalid('executor.getStepExecutor is missing');
  // A schema may be a callable object, as in some libraries.
  const meta: unknown = type.meta;
  const standard = (meta as { readonly ['~standard']?: { readonly jsonSchema?: unknown } } | undefined)?.['~standard'];
  if (standard?.jsonSchema === undefined) throw invalid('meta is not a Standard Schema that gives a JSON Schema');
  if (type.kind !== 'longshore.task-type') throw invalid('the default export was not made by defineTaskType');
  return exported as TaskType;
}

async function checkSettings(
  type: TaskType,
  packageName: string,
  settingsOf: (type: string) => Promise<unknown>,
): Promise<unknown> {
  if (type.settings === undefined) return undefined;
  const checked = await type.settings['~standard'].validate(await settingsOf(type.type));
  if (checked.issues === undefined) return checked.value;
  const issues = checked.issues.map((issue) => `${pathOf(issue.path)}: ${issue.message}`).join('; ');
  throw new LongshoreError('PLUGIN_SETTINGS_INVALID', `settings of ${type.type} (${packageName}): ${issues}`);
}

function pathOf(path: readonly unknown[] | undefined): string {
  const parts = (path ?? []).map((part) =>
    String(typeof part === 'object' && part !== null && 'key' in part ? part.key : part),
  );
  return parts.length === 0 ? 'settings' : parts.join('.');
}
