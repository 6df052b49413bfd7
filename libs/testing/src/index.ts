export { startTcpProxy, waitUntil, type TcpProxy, type WaitUntilOptions } from '@longshore/test-kit';
export { startOtlpReceiver, type OtlpReceiver, type ReceivedMetric, type ReceivedSpan } from './otlp-receiver.ts';
export { startTestCluster, type TestCluster, type TestClusterOptions } from './test-cluster.ts';
