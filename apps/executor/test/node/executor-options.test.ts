import { parseOptions } from '@longshore/service';
import { expect, test } from 'vitest';
import { EXECUTOR_OPTIONS } from '../../src/node/executor-options.ts';

const parse = (env: Readonly<Record<string, string>>): Readonly<Record<string, unknown>> =>
  parseOptions('executor', 'Runs subtasks.', EXECUTOR_OPTIONS, [], env);

test.each(['1', '4096'])('a node may have %s slots', (slots) => {
  expect(parse({ LONGSHORE_SLOTS: slots })).toMatchObject({ slots: Number(slots) });
});

test.each(['0', '-1', '4097', '1.5', 'many'])('a node does not start with %s slots', (slots) => {
  expect(() => parse({ LONGSHORE_SLOTS: slots })).toThrow(
    expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringMatching(/LONGSHORE_SLOTS/) }),
  );
});
