import { LongshoreError } from '@longshore/core';
import { registerType, type Db, type StoredType } from '@longshore/store';
import type { Logger } from '@longshore/telemetry';

/**
 * Registers a type that this executor loaded. A version stands for one schema, one list of steps and the same hooks: the owners check and
 * plan by them what any executor runs. While a type is developed it may change without a new version, and the log says so.
 *
 * @param mode - `development`: a changed type replaces the one that is there.
 * @throws {LongshoreError} TYPE_CHANGED in production.
 */
export async function announceType(db: Db, type: StoredType, mode: string, logger: Logger): Promise<void> {
  const { changed, isRegistered } = await registerType(db, type, { replaces: mode === 'development' });
  if (changed.length === 0) return;
  const name = `${type.type}@${type.version}`;
  const what = changed.join(' and ');
  if (!isRegistered) {
    throw new LongshoreError(
      'TYPE_CHANGED',
      `${name} is registered with other ${what} than this executor has; give the changed type a new version`,
    );
  }
  const message = `${name} replaces one of the same version that had other ${what}; give it a new version before others use it`;
  logger.warn({ code: 'TYPE_CHANGED', type: type.type, version: type.version, changed }, message);
}
