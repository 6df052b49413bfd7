export type { BusOptions } from './bus-options.ts';
export type { Bus, RequestOptions, Subscription } from './bus.ts';
export { connectBus } from './connect-bus.ts';
export { RemoteError } from './request-errors.ts';
