import { LongshoreError } from '@longshore/core';
import Fastify from 'fastify';
import { collectDefaultMetrics, type Registry } from 'prom-client';

export interface HealthServer {
  /** `http://host:port` */
  readonly url: string;
  close(): Promise<void>;
}

export interface HealthOptions {
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
  readonly service: string;
  /** Where the service keeps its metrics. */
  readonly metrics: Registry;
  /** Why the service can't do its work now; null: it can. */
  readonly notReady: () => string | null;
}

/**
 * Serves `/healthz` (the process answers), `/readyz` (it can do all of its work; if not, what is wrong and since when) and `/metrics` (Prometheus text format).
 *
 * @throws {LongshoreError} HTTP_PORT_IN_USE.
 */
export async function startHealthServer(options: HealthOptions): Promise<HealthServer> {
  const { metrics } = options;
  metrics.setDefaultLabels({ service: options.service });
  collectDefaultMetrics({ register: metrics });
  const server = Fastify({ logger: false, forceCloseConnections: true });
  server.get('/healthz', () => ({ status: 'ok' }));
  server.get('/readyz', async (_, reply) => {
    const reason = options.notReady();
    if (reason !== null) return reply.code(503).send({ status: 'not ready', reason });
    return reply.send({ status: 'ready' });
  });
  server.get('/metrics', async (_, reply) => reply.type(metrics.contentType).send(await metrics.metrics()));
  try {
    const url = await server.listen({ host: options.host, port: options.port });
    return { url, close: () => server.close() };
  } catch (cause) {
    const code = (cause as { code?: unknown }).code;
    if (code === 'EADDRINUSE' || code === 'EACCES') {
      throw new LongshoreError(
        'HTTP_PORT_IN_USE',
        `cannot listen on ${options.host}:${options.port} (${code}); choose another --http-port, or 0`,
        { cause },
      );
    }
    throw cause;
  }
}
