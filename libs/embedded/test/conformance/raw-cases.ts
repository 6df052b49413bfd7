/** What a client sends after INFO, and what it gets back up to the last PONG or the close of the connection. */
export interface RawCase {
  readonly name: string;
  readonly sent: string;
  readonly received: string;
  /** Not sent byte by byte: the real server reads a line that was split twice, and says the same thing twice. */
  readonly isWholeOnly?: true;
}

const connect = (options: object = {}) =>
  `CONNECT ${JSON.stringify({ verbose: false, pedantic: false, ...options })}\r\n`;
const withHeaders = connect({ headers: true });
const withNoResponders = connect({ headers: true, no_responders: true });
const ping = 'PING\r\n';
const pong = 'PONG\r\n';
const closed = 'END';

export const rawCases: readonly RawCase[] = [
  { name: 'PING is answered before CONNECT', sent: ping, received: pong },
  { name: 'a client is verbose unless it says otherwise', sent: `CONNECT {}\r\n${ping}`, received: `+OK\r\n${pong}` },
  {
    name: 'verbose acknowledges every operation but PING and PONG',
    sent: `${connect({ verbose: true })}SUB a 1\r\nPUB a 0\r\n\r\nUNSUB 1\r\nPONG\r\n+OK\r\n${ping}`,
    received: `+OK\r\n+OK\r\n+OK\r\nMSG a 1 0\r\n\r\n+OK\r\n${pong}`,
  },
  {
    name: 'CONNECT can be sent again',
    sent: `${connect()}${connect({ verbose: true })}${ping}`,
    received: `+OK\r\n${pong}`,
  },
  { name: 'CONNECT that is not JSON ends the connection', sent: `CONNECT {nope\r\n${ping}`, received: closed },
  {
    name: 'operations are read in any case, with tabs and many spaces, and lines may end with LF alone',
    sent: `connect {"verbose":true}\nsub\ta\t 1\r\npub \ta  2\nhi\r\nPing  \r\n`,
    received: `+OK\r\n+OK\r\n+OK\r\nMSG a 1 2\r\nhi\r\n${pong}`,
  },
  {
    name: 'an unknown operation ends the connection',
    sent: `${connect()}FOO bar\r\n${ping}`,
    received: `-ERR 'Unknown Protocol Operation'\r\n${closed}`,
  },
  {
    name: 'an empty line ends the connection',
    sent: `${connect()}\r\n${ping}`,
    received: `-ERR 'Unknown Protocol Operation'\r\n${closed}`,
  },
  {
    name: 'a payload longer than announced ends the connection, and is not delivered',
    sent: `${connect()}SUB a 1\r\nPUB a 3\r\nhello\r\n${ping}`,
    received: `-ERR 'Unknown Protocol Operation'\r\n${closed}`,
  },
  { name: 'PUB without a size ends the connection', sent: `${connect()}PUB a\r\n${ping}`, received: closed },
  { name: 'PUB with a size that is no number ends it', sent: `${connect()}PUB a x\r\nhi\r\n${ping}`, received: closed },
  { name: 'PUB with a negative size ends it', sent: `${connect()}PUB a -1\r\nhi\r\n${ping}`, received: closed },
  { name: 'PUB with four fields ends it', sent: `${connect()}PUB a b c 2\r\nhi\r\n${ping}`, received: closed },
  { name: 'SUB with one field ends it', sent: `${connect()}SUB a\r\n${ping}`, received: closed },
  { name: 'SUB with four fields ends it', sent: `${connect()}SUB a b c d\r\n${ping}`, received: closed },
  {
    name: 'UNSUB without a field ends it',
    sent: `${connect()}UNSUB\r\n${ping}`,
    received: `-ERR 'Unknown Protocol Operation'\r\n${closed}`,
  },
  { name: 'UNSUB of an unknown id is fine', sent: `${connect()}UNSUB 9\r\n${ping}`, received: pong },
  { name: 'a client must not send -ERR', sent: `${connect()}-ERR 'x'\r\n${ping}`, received: closed },
  {
    name: 'a control line over 4096 bytes ends the connection',
    sent: `${connect()}SUB ${'a'.repeat(5_000)} 1\r\n${ping}`,
    received: `-ERR 'maximum control line exceeded'\r\n${closed}`,
  },
  {
    name: 'a payload over the limit ends the connection before it is sent',
    sent: `${connect()}PUB a 2000000\r\n`,
    received: `-ERR 'Maximum Payload Violation'\r\n${closed}`,
  },
  {
    name: 'invalid subjects are refused, wildcard signs inside a token are ordinary',
    sent: `${connect()}SUB a..b 1\r\nSUB a.>.b 2\r\nSUB .a 3\r\nSUB a. 4\r\nSUB a>b 5\r\nSUB a*b 6\r\nPUB a>b 1\r\nx\r\nPUB a*b 1\r\ny\r\n${ping}`,
    received: `${"-ERR 'Invalid Subject'\r\n".repeat(4)}MSG a>b 5 1\r\nx\r\nMSG a*b 6 1\r\ny\r\n${pong}`,
  },
  {
    name: 'a pedantic client is told about an invalid subject',
    sent: `${connect({ pedantic: true })}PUB a.* 2\r\nhi\r\n${ping}`,
    received: `-ERR 'Invalid Publish Subject'\r\n${pong}`,
    isWholeOnly: true,
  },
  {
    name: 'a message to a wildcard reaches wildcards only',
    sent: `${connect()}SUB a.* 1\r\nSUB a.b 2\r\nPUB a.* 2\r\nhi\r\nPUB a..b 2\r\nhi\r\nPUB a. 2\r\nhi\r\n${ping}`,
    received: `MSG a.* 1 2\r\nhi\r\n${pong}`,
  },
  {
    name: '* matches one token, > one or more',
    sent: `${connect()}SUB a.* 1\r\nPUB a 1\r\n1\r\nPUB a.b 1\r\n2\r\nPUB a.b.c 1\r\n3\r\nUNSUB 1\r\nSUB a.> 2\r\nPUB a 1\r\n4\r\nPUB a.b 1\r\n5\r\nPUB a.b.c 1\r\n6\r\n${ping}`,
    received: `MSG a.b 1 1\r\n2\r\nMSG a.b 2 1\r\n5\r\nMSG a.b.c 2 1\r\n6\r\n${pong}`,
  },
  {
    name: '> alone matches everything',
    sent: `${connect()}SUB > 1\r\nPUB a 0\r\n\r\nPUB $SYS.x 1\r\nx\r\n${ping}`,
    received: `MSG a 1 0\r\n\r\nMSG $SYS.x 1 1\r\nx\r\n${pong}`,
  },
  {
    name: 'a second SUB with an open id changes nothing',
    sent: `${connect()}SUB a 1\r\nSUB b 1\r\nPUB a 1\r\nx\r\nPUB b 1\r\ny\r\n${ping}`,
    received: `MSG a 1 1\r\nx\r\n${pong}`,
  },
  {
    name: 'UNSUB with a count ends after that many messages',
    sent: `${connect()}SUB a 1\r\nUNSUB 1 2\r\nPUB a 1\r\n1\r\nPUB a 1\r\n2\r\nPUB a 1\r\n3\r\n${ping}`,
    received: `MSG a 1 1\r\n1\r\nMSG a 1 1\r\n2\r\n${pong}`,
  },
  {
    name: 'UNSUB with a count that is reached already ends at once',
    sent: `${connect()}SUB a 1\r\nPUB a 1\r\n1\r\nPUB a 1\r\n2\r\nUNSUB 1 2\r\nPUB a 1\r\n3\r\n${ping}`,
    received: `MSG a 1 1\r\n1\r\nMSG a 1 1\r\n2\r\n${pong}`,
  },
  {
    name: 'UNSUB with a count that is no number ends at once',
    sent: `${connect()}SUB a 1\r\nUNSUB 1 x\r\nPUB a 1\r\n1\r\n${ping}`,
    received: pong,
  },
  {
    name: 'headers are passed on, with and without a reply subject',
    sent: `${withHeaders}SUB a 1\r\nHPUB a 12 14\r\nNATS/1.0\r\n\r\nhi\r\nHPUB a r 12 14\r\nNATS/1.0\r\n\r\nhi\r\n${ping}`,
    received: `HMSG a 1 12 14\r\nNATS/1.0\r\n\r\nhi\r\nHMSG a 1 r 12 14\r\nNATS/1.0\r\n\r\nhi\r\n${pong}`,
  },
  {
    name: 'HPUB of a client without headers ends the connection',
    sent: `${connect()}HPUB a 12 14\r\nNATS/1.0\r\n\r\nhi\r\n${ping}`,
    received: closed,
  },
  {
    name: 'HPUB with headers longer than the whole ends the connection',
    sent: `${withHeaders}HPUB a 14 12\r\nNATS/1.0\r\n\r\nhi\r\n${ping}`,
    received: closed,
  },
  {
    name: 'echo: false keeps own messages away, also for no-responders',
    sent: `${connect({ echo: false, headers: true, no_responders: true })}SUB a 1\r\nSUB r 2\r\nPUB a r 1\r\nx\r\n${ping}`,
    received: `HMSG r 2 16 16\r\nNATS/1.0 503\r\n\r\n\r\n${pong}`,
  },
  {
    name: 'no_responders needs headers',
    sent: `${connect({ no_responders: true })}${ping}`,
    received: `-ERR 'no responders requires headers support'\r\n${closed}`,
  },
  {
    name: 'a request without a responder gets the status 503',
    sent: `${withNoResponders}SUB r.* 7\r\nPUB a r.1 1\r\nx\r\n${ping}`,
    received: `HMSG r.1 7 16 16\r\nNATS/1.0 503\r\n\r\n\r\n${pong}`,
  },
  {
    name: 'the status 503 does not count for UNSUB',
    sent: `${withNoResponders}SUB r 7\r\nUNSUB 7 1\r\nPUB a r 1\r\nx\r\nPUB r 1\r\ny\r\nPUB r 1\r\nz\r\n${ping}`,
    received: `HMSG r 7 16 16\r\nNATS/1.0 503\r\n\r\n\r\nMSG r 7 1\r\ny\r\n${pong}`,
  },
  {
    name: 'no status without a reply subject, a subscription for it, or the wish for it',
    sent: `${withNoResponders}PUB a 1\r\nx\r\nPUB a r 1\r\nx\r\n${withHeaders.replace('}', ',"no_responders":false}')}SUB r 1\r\nPUB a r 1\r\nx\r\n${ping}`,
    received: pong,
  },
  {
    name: 'one member of a queue group gets a message, whatever the subjects of its members',
    sent: `${connect()}SUB a q 1\r\nUNSUB 1\r\nSUB * q 2\r\nSUB b q 3\r\nPUB a 2\r\nhi\r\n${ping}`,
    received: `MSG a 2 2\r\nhi\r\n${pong}`,
  },
  {
    name: 'bytes of subjects and payloads come out as they went in',
    sent: `${connect()}SUB \xc3\xa9.> 1\r\nPUB \xc3\xa9.\xff 4\r\n\x00\r\n\xfe\r\n${ping}`,
    received: `MSG \xc3\xa9.\xff 1 4\r\n\x00\r\n\xfe\r\n${pong}`,
  },
];
