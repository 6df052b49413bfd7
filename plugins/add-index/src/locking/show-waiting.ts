import type { HookContext } from '@longshore/sdk';

/** Says what is waited for, until the returned function is called. */
export type ShowWaiting = (reason: { readonly code: string; readonly message: string }) => () => void;

/** For hooks that have no place for it but the log. */
export function logWaiting({ logger }: Pick<HookContext, 'logger'>): ShowWaiting {
  return ({ code, message }) => {
    logger.info(`waiting: ${message}`, { code });
    return () => undefined;
  };
}
