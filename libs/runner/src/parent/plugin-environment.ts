/** Only for the executor: the way to the store, to NATS, to targets and to the collector, with passwords. */
const KEPT_BACK = /^(LONGSHORE_(DATABASE_URL(_FILE)?$|NATS_|(GATE_)?CONNECTION_)|OTEL_EXPORTER_OTLP_)/;

/**
 * The environment that plugin code sees: the executor's without its credentials. A plugin reaches a target through the connection that its
 * task names, and nothing else.
 */
export function pluginEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !KEPT_BACK.test(name)));
}
