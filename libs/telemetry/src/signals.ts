/** A kind of span of ours: one line of the documented table. */
export interface SpanInfo {
  /** Its name; `{…}` stands for a value of few. */
  readonly name: string;
  readonly kind: 'CLIENT' | 'CONSUMER' | 'INTERNAL' | 'PRODUCER' | 'SERVER';
  readonly by: string;
  readonly help: string;
  readonly attributes: readonly string[];
}

const ATTEMPT = [
  'longshore.task.id',
  'longshore.task.type',
  'longshore.subtask.id',
  'longshore.subtask.kind',
  'longshore.subtask.attempt',
  'longshore.subtask.outcome',
  'longshore.node.id',
  'error.type',
] as const;

/** Every kind of span that Longshore makes itself. Names never change their meaning. */
export const SPANS = {
  submit: {
    name: 'submit {type}',
    kind: 'PRODUCER',
    by: 'client',
    help: 'A submit, retries included, in an application that traces itself. It is the parent of all spans of the task.',
    attributes: ['longshore.task.type', 'longshore.task.id', 'error.type'],
  },
  request: {
    name: 'task.submit',
    kind: 'SERVER',
    by: 'owner',
    help: "The owner's part of a submit. It is the parent of the task's spans when the client has no trace.",
    attributes: ['rpc.system.name', 'rpc.method', 'longshore.task.type', 'longshore.task.id', 'error.type'],
  },
  move: {
    name: 'task {move}',
    kind: 'INTERNAL',
    by: 'owner (the leading one)',
    help:
      'What the owner does with a task: `validate` (a task that was submitted within a transaction), `insert-control`, `consume-prepare`, `consume-plan` (the next step begins), `finish`, `fail`, ' +
      '`stop`, `end-pending`, `undo`, `archive`. In the gaps between these spans and the hooks the task waits.',
    attributes: ['longshore.task.id', 'longshore.task.type', 'longshore.task.state'],
  },
  control: {
    name: '{kind} {type}',
    kind: 'CONSUMER',
    by: 'executor',
    help: 'An attempt of a hook of the type: `prepare`, `plan`, `finish`, `revert` or `clean`.',
    attributes: ATTEMPT,
  },
  work: {
    name: 'work {type}/{step}',
    kind: 'CONSUMER',
    by: 'executor',
    help:
      'An attempt of a subtask, from its start to its end. A later attempt has a link to the one before it. If the node was lost, ' +
      'the node-manager exports the span, with the outcome `lost`.',
    attributes: [
      ...ATTEMPT,
      'longshore.step',
      'longshore.subtask.ordinal',
      'longshore.subtask.rows',
      'longshore.subtask.bytes',
    ],
  },
  waiting: {
    name: 'waiting {code}',
    kind: 'INTERNAL',
    by: 'executor',
    help: 'What a subtask waited for: its budget, a gate, or a reason that it gave with `context.waiting`.',
    attributes: ['longshore.waiting.code', 'longshore.waiting.message'],
  },
  stream: {
    name: '{operation}',
    kind: 'CLIENT',
    by: 'executor',
    help: 'A statement of a subtask that streams its rows, such as `COPY`. Other SQL comes from the `pg` instrumentation.',
    attributes: ['db.system.name', 'db.operation.name', 'db.query.text', 'error.type'],
  },
} as const satisfies Record<string, SpanInfo>;

/** What the attributes mean, and whose names they are. */
export const SPAN_ATTRIBUTES: Readonly<Record<string, string>> = {
  'db.operation.name': 'First word of the statement (semantic conventions).',
  'db.query.text': 'The statement, without values (semantic conventions).',
  'db.system.name': '`postgresql` (semantic conventions).',
  'error.type': "The error's code (semantic conventions); the status then is an error, with code and message.",
  'longshore.link': 'On a link: `previous-attempt`.',
  'longshore.node.id': 'The executor.',
  'longshore.step': 'The step of the subtask.',
  'longshore.subtask.attempt': 'From 1.',
  'longshore.subtask.bytes': 'Bytes that it reported as done.',
  'longshore.subtask.id': 'The subtask.',
  'longshore.subtask.kind': '`work`, or the hook of a control subtask.',
  'longshore.subtask.ordinal': 'Its place in the step, from 1.',
  'longshore.subtask.outcome':
    '`succeed`, `fail`, `retry`, `cancel`, `release` (handed back while it ran), `pause` (its task was paused), `postpone` (it freed its slots to wait), `hand-back` (handed back before it ran) or `lost`.',
  'longshore.subtask.rows': 'Rows that it reported as done.',
  'longshore.task.id': 'The task.',
  'longshore.task.state': 'Its state before.',
  'longshore.task.type': 'The type of the task.',
  'longshore.waiting.code': 'The reason, as in `task show`.',
  'longshore.waiting.message': 'The reason in a sentence.',
  'rpc.method': 'The request (semantic conventions).',
  'rpc.system.name': '`longshore` (semantic conventions).',
};
