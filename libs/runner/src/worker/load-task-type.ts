import { LongshoreError } from '@longshore/core';
import { CONTRACT_VERSION, type TaskType } from '@longshore/sdk';
import type { RunnerSetup } from '../channel/messages.ts';

export interface LoadedType {
  readonly type: TaskType;
  /** The executor's settings, checked by the type's schema. */
  readonly settings: unknown;
}

/**
 * Imports a task-type package and checks that it can be run here.
 *
 * @throws {LongshoreError} PLUGIN_LOAD_FAILED, PLUGIN_INVALID, PLUGIN_CONTRACT or PLUGIN_SETTINGS_INVALID.
 */
export async function loadTaskType(setup: RunnerSetup): Promise<LoadedType> {
  const { packageName } = setup;
  const module = await import(setup.moduleUrl).then(
    (loaded: unknown) => loaded as { readonly default?: unknown },
    (cause: unknown) => {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new LongshoreError('PLUGIN_LOAD_FAILED', `cannot import ${packageName}: ${reason}`, { cause });
    },
  );
  const type = checkShape(module.default, packageName);
  if (type.contract !== CONTRACT_VERSION) {
    throw new LongshoreError(
      'PLUGIN_CONTRACT',
      `${packageName} speaks version ${type.contract} of the SDK contract, this executor speaks ${CONTRACT_VERSION}`,
    );
  }
  return { type, settings: await checkSettings(type, setup) };
}

function checkShape(exported: unknown, packageName: string): TaskType {
  const invalid = (reason: string): LongshoreError =>
    new LongshoreError('PLUGIN_INVALID', `${packageName}: ${reason}; export the result of defineTaskType as default`);
  if (typeof exported !== 'object' || exported === null) throw invalid('there is no default export of a task type');
  const type = exported as Partial<TaskType>;
  if (typeof type.contract !== 'number') throw invalid('the default export has no contract version');
  if (typeof type.type !== 'string' || typeof type.version !== 'string') throw invalid('type or version is missing');
  if (!Array.isArray(type.steps) || type.steps.length === 0) throw invalid('it has no steps');
  if (typeof type.scheduler?.planStep !== 'function') throw invalid('scheduler.planStep is missing');
  if (typeof type.executor?.getStepExecutor !== 'function') throw invalid('executor.getStepExecutor is missing');
  // A schema may be a callable object, as in some libraries.
  const meta: unknown = type.meta;
  const standard = (meta as { readonly ['~standard']?: { readonly jsonSchema?: unknown } } | undefined)?.['~standard'];
  if (standard?.jsonSchema === undefined) throw invalid('meta is not a Standard Schema that gives a JSON Schema');
  return exported as TaskType;
}

async function checkSettings(type: TaskType, setup: RunnerSetup): Promise<unknown> {
  if (type.settings === undefined) return undefined;
  const checked = await type.settings['~standard'].validate(setup.settings[type.type] ?? {});
  if (checked.issues === undefined) return checked.value;
  const issues = checked.issues.map((issue) => `${pathOf(issue.path)}: ${issue.message}`).join('; ');
  throw new LongshoreError('PLUGIN_SETTINGS_INVALID', `settings of ${type.type} (${setup.packageName}): ${issues}`);
}

function pathOf(path: readonly unknown[] | undefined): string {
  const parts = (path ?? []).map((part) =>
    String(typeof part === 'object' && part !== null && 'key' in part ? part.key : part),
  );
  return parts.length === 0 ? 'settings' : parts.join('.');
}
