import { mkdtemp, open, rm, writeFile, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { csvDefaults } from '../../src/csv/dialect.ts';
import { foldChunks } from '../../src/csv/fold-chunks.ts';
import { scanRange } from '../../src/csv/scan-range.ts';

const record = '1,"one ""1""\r\n",é\r\n';
const records = 200_000;
const fileBytes = Buffer.byteLength(record) * records;
let folder: string;
let file: FileHandle;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'scan-range-'));
  await writeFile(join(folder, 'a.csv'), record.repeat(records));
  file = await open(join(folder, 'a.csv'));
});

afterAll(async () => {
  await file.close();
  await rm(folder, { recursive: true });
});

test('a file scanned in ranges of several reads folds into all of its records', async () => {
  const rangeBytes = 1_500_001;
  const starts = Array.from({ length: Math.ceil(fileBytes / rangeBytes) }, (_, i) => i * rangeBytes);
  let progress = 0;
  const scans = await Promise.all(
    starts.map((start) =>
      scanRange(
        file,
        { start, end: Math.min(start + rangeBytes, fileBytes) },
        { dialect: csvDefaults, fileBytes, onProgress: (bytes) => (progress += bytes) },
      ),
    ),
  );
  const plan = foldChunks(scans, { fileBytes, header: true, targetChunkBytes: rangeBytes });
  expect(progress).toBe(fileBytes);
  expect(plan).toMatchObject({ records: records - 1, lineEnd: 'crlf' });
  expect(plan.chunks).toHaveLength(starts.length);
  for (const { start, firstLine } of plan.chunks) {
    expect(start % Buffer.byteLength(record)).toBe(0);
    expect(firstLine).toBe(1 + (start / Buffer.byteLength(record)) * 2);
  }
});

test('an aborted scan ends with the reason', async () => {
  const abort = new AbortController();
  const scan = scanRange(
    file,
    { start: 0, end: fileBytes },
    { dialect: csvDefaults, fileBytes, signal: abort.signal, onProgress: () => abort.abort(new Error('enough')) },
  );
  await expect(scan).rejects.toThrow('enough');
});

test('a file that has become shorter is an error', async () => {
  const scan = scanRange(file, { start: 0, end: fileBytes + 1 }, { dialect: csvDefaults, fileBytes: fileBytes + 1 });
  await expect(scan).rejects.toMatchObject({ code: 'CSV_FILE_TRUNCATED' });
});

test('an empty range is read without a read', async () => {
  const scan = await scanRange(file, { start: 7, end: 7 }, { dialect: csvDefaults, fileBytes });
  expect(scan.readings).toMatchObject({ outside: { endState: 'outside' }, inside: { endState: 'inside' } });
});
