import { connectBus, type Bus } from '@longshore/bus';
import { LongshoreError, toErrorData } from '@longshore/core';
import { refusalOf } from '@longshore/launcher';
import { openStore, pingStore, storeError, type Store } from '@longshore/store';
import { counterOf, createLogger, startTelemetry, type Logger, type Telemetry } from '@longshore/telemetry';
import { Registry } from 'prom-client';
import { COMMON_OPTIONS } from './common-options.ts';
import { DependencyWatch, type DependencyWatchOptions } from './dependency-watch.ts';
import { startHealthServer } from './health-server.ts';
import { HelpShown, parseOptions, type ConfigOf, type OptionSet } from './option-set.ts';
import { openParentLink } from './parent-link.ts';
import { onStopSignal } from './stop-signals.ts';
import { onUnhandled } from './unhandled-errors.ts';
import { abortedLater, unlessAborted } from './unless-aborted.ts';
import { waitForStore } from './wait-for-store.ts';
import { waitLog } from './wait-log.ts';

export type CommonConfig = ConfigOf<typeof COMMON_OPTIONS>;

/** What a service starts with: the store is connected and the schema fits; NATS may come later. */
export interface ServiceContext<C> {
  readonly config: C & CommonConfig;
  readonly logger: Logger;
  readonly store: Store;
  readonly bus: Bus;
  readonly metrics: Registry;
  readonly telemetry: Telemetry;
  /** Aborted when the service is to stop. */
  readonly signal: AbortSignal;
  /** Ends the process with an error: for what can't be repaired here, such as another process under the same name. */
  readonly fail: (error: unknown) => void;
}

export interface RunningService {
  /** Hands work back and ends running work. Called once; store and bus are still open. */
  stop(): Promise<void>;
  /** Why it can't do its work now; null: it can. */
  notReady?(): string | null;
}

export interface ServiceDefinition<O extends OptionSet> {
  /** `owner`, `executor`, … */
  readonly name: string;
  readonly description: string;
  /** Settings besides the common ones. */
  readonly options: O;
  start(context: ServiceContext<ConfigOf<O>>): Promise<RunningService>;
}

/**
 * What only other settings mend, so that a supervisor need not start the service again: exit code 2. A bus that is away is waited for, so
 * its code means here that NATS refused the login.
 */
const SETTINGS_FAULTS: ReadonlySet<string> = new Set([
  'CONFIG_INVALID',
  'STORE_REFUSED',
  'STORE_POOLED',
  'BUS_UNAVAILABLE',
]);

/** The exit code after an error that nobody handled: EX_SOFTWARE of sysexits.h. Other than 1, because it is a fault of the code. */
const EXIT_UNHANDLED = 70;

/** A clean stop must not hang with a broken dependency: after this the process ends anyway. */
const STOP_LIMIT_MS = 30_000;
/**
 * How long a start may go on once the service is to stop, in milliseconds: usually it ends by then and can be undone in order. A plugin
 * that hangs while it loads, or a store that doesn't answer, must not keep the process.
 */
const START_LIMIT_MS = 5_000;
/** The same when the parent is gone, in milliseconds. */
const ORPHAN_LIMIT_MS = 5_000;

/**
 * Runs a service as this process until SIGTERM, SIGINT or the parent's end; `main.ts` of each service is a call of this.
 * Exit codes: 0 after a clean stop, 2 for wrong settings (also those that the store or NATS refuses at the start), 70 after an error that
 * nobody handled, 1 for everything else.
 */
export async function runService<O extends OptionSet>(definition: ServiceDefinition<O>): Promise<void> {
  const refusal = refusalOf(`longshore-${definition.name}`);
  if (refusal !== undefined) {
    // The bin has seen to it; this is for who starts the module itself.
    process.stderr.write(`error NODE_NOT_FOUND: ${refusal}\n`);
    process.exit(1);
  }
  const parent = openParentLink(process.env);
  try {
    const options = { ...COMMON_OPTIONS, ...definition.options };
    const parsed = parseOptions(
      `longshore-${definition.name}`,
      definition.description,
      options,
      process.argv.slice(2),
      process.env,
    );
    const config = parsed as unknown as ConfigOf<O> & CommonConfig;
    const stopping = new AbortController();
    const failures: Error[] = [];
    const fail = (error: unknown): void => {
      failures.push(error instanceof Error ? error : new Error(String(error)));
      stopping.abort();
    };
    onStopSignal(() => stopping.abort());
    parent?.onClosed(() => {
      stopping.abort();
      // Whoever killed the parent has probably taken the database along: there may be nobody left to hand work back to.
      setTimeout(() => process.exit(1), ORPHAN_LIMIT_MS).unref();
    });
    await serve(definition, config, stopping.signal, fail, (ready) => parent?.report(ready));
    const [failure] = failures;
    if (failure !== undefined) throw failure;
    process.exit(0);
  } catch (thrown) {
    if (HelpShown.is(thrown)) process.exit(0);
    const error = toErrorData(thrown);
    parent?.report({ event: 'failed', code: error.code, message: error.message });
    process.stderr.write(`error ${error.code}: ${error.message}\n`);
    // Lets the report reach the parent before the pipe closes.
    setTimeout(() => process.exit(exitCodeOf(error.code)), 50);
  }
}

function exitCodeOf(code: string): number {
  if (code === 'SERVICE_FAULT') return EXIT_UNHANDLED;
  return SETTINGS_FAULTS.has(code) ? 2 : 1;
}

async function serve<O extends OptionSet>(
  definition: ServiceDefinition<O>,
  config: ConfigOf<O> & CommonConfig,
  signal: AbortSignal,
  fail: (error: unknown) => void,
  report: (message: Record<string, unknown>) => void,
): Promise<void> {
  const logger = createLogger(config.logLevel, { service: definition.name, instance: config.instance });
  const metrics = new Registry();
  const telemetry = await startTelemetry({
    env: process.env,
    service: definition.name,
    instance: config.instance,
    cluster: config.cluster,
    logger,
    metrics,
  });
  let isFaulty = false;
  onUnhandled((error, origin) => {
    isFaulty = true;
    logger.fatal({ error, origin }, 'nobody handled an error; stopping');
    counterOf(metrics, 'unhandledErrors').inc({ origin });
    const { message } = toErrorData(error);
    fail(new LongshoreError('SERVICE_FAULT', `nobody handled an error: ${message}`, { cause: error }));
  });
  let running: RunningService | null = null;
  let bus: Bus | null = null;
  let dependencies: DependencyWatch | null = null;
  const leaving = new AbortController();
  const store = openStore({
    url: config.databaseUrl,
    applicationName: `longshore-${definition.name}/${config.instance}`.slice(0, 63),
    maxConnections: config.databaseConnections,
    // One by one they say little: the watch says once that the store is away.
    onConnectionError: (error) => logger.debug({ error: storeError(error) }, 'a session of the store was lost'),
  });
  const notReady = (): string | null => {
    if (running === null) return 'starting';
    if (signal.aborted) return 'stopping';
    const reasons = [dependencies?.problem, running.notReady?.()].filter((reason) => reason != null);
    return reasons.length === 0 ? null : reasons.join('; ');
  };
  const health = await startHealthServer({
    host: config.httpHost,
    port: config.httpPort,
    service: definition.name,
    metrics,
    notReady,
  });
  try {
    await waitForStore(store, config.databaseUrl, config.mode, logger, signal);
    const waiting = waitLog(logger, 'NATS, working without it');
    const droppedHints = counterOf(metrics, 'droppedHints');
    const hints = { onHintDropped: () => droppedHints.inc() };
    bus = await unlessAborted(connectBus({ ...busOptions(definition.name, config, waiting), ...hints }), signal);
    dependencies = watchDependencies(store, bus, {
      logger,
      metrics,
      signal: AbortSignal.any([signal, leaving.signal]),
    });
    const starting = definition.start({ config, logger, store, bus, metrics, telemetry, signal, fail });
    running = await unlessAborted(starting, abortedLater(signal, START_LIMIT_MS));
    logger.info({ http: health.url }, `${definition.name} is ready`);
    report({ event: 'ready', httpUrl: health.url, instance: config.instance });
    await aborted(signal);
    logger.info(`${definition.name} is stopping`);
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    const limit = setTimeout(() => {
      logger.error('the clean stop took too long, ending now');
      process.exit(isFaulty ? EXIT_UNHANDLED : 1);
    }, STOP_LIMIT_MS).unref();
    await running?.stop();
    // A start that failed ends too, though nobody has asked it to stop.
    leaving.abort();
    await dependencies?.done;
    await bus?.close();
    await store.close();
    await health.close();
    await telemetry.shutdown();
    clearTimeout(limit);
  }
}

function watchDependencies(
  store: Store,
  bus: Bus,
  options: Pick<DependencyWatchOptions, 'logger' | 'metrics' | 'signal'>,
): DependencyWatch {
  return new DependencyWatch({
    ...options,
    dependencies: [
      {
        name: 'the store',
        consequence: 'running work continues, its results wait in memory, and nothing new starts',
        gauge: 'storeConnected',
        look: () => pingStore(store),
      },
      {
        name: 'NATS',
        consequence: 'work continues by polling, and the API does not answer',
        gauge: 'natsConnected',
        look: () => (bus.isConnected ? Promise.resolve() : Promise.reject(new Error('no connection'))),
        // The start says so by itself, again and again.
        isAway: !bus.isConnected,
      },
    ],
  });
}

function busOptions(
  service: string,
  config: CommonConfig,
  onWaiting: (error: Error) => void,
): Parameters<typeof connectBus>[0] {
  const hasTls = config.natsCa !== undefined || config.natsCert !== undefined || config.natsKey !== undefined;
  return {
    servers: config.natsUrl,
    cluster: config.cluster,
    name: `longshore-${service}/${config.instance}`,
    token: config.natsToken,
    user: config.natsUser,
    password: config.natsPassword,
    credentialsFile: config.natsCredentials,
    nkeyFile: config.natsNkey,
    tls: hasTls ? { ca: config.natsCa, cert: config.natsCert, key: config.natsKey } : undefined,
    waitForServer: true,
    onWaiting,
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
