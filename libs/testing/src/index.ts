export { startOtlpReceiver, type OtlpReceiver, type ReceivedMetric, type ReceivedSpan } from './otlp-receiver.ts';
export { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';
export { startTestCluster, type TestCluster, type TestClusterOptions } from './test-cluster.ts';
export { waitUntil, type WaitUntilOptions } from './wait-until.ts';
