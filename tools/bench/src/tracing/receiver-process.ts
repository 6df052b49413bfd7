import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { countSpans } from './count-spans.ts';

// A collector in a process of its own, so that what it costs isn't counted among ours. Tells its address, then on each message
// how many spans have arrived.
let spans = 0;
const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    if (request.url === '/v1/traces') spans += countSpans(Buffer.concat(chunks));
    response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
  });
});
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));
process.on('message', () => process.send?.({ spans }));
process.on('disconnect', () => process.exit(0));
