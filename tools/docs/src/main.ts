import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { referencePages } from './reference-pages.ts';

for (const { file, text } of await referencePages()) {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
}
