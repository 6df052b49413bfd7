export { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';
export { waitUntil, type WaitUntilOptions } from './wait-until.ts';
