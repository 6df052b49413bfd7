import { z } from 'zod';

/** A file as it was when the import began. Every step on every node asks for the same one. */
export const inputFile = z.strictObject({
  /** Absolute, without symbolic links. */
  path: z.string(),
  bytes: z.int().min(0),
  /** Time of its last change, in milliseconds since 1970. */
  modifiedMs: z.int(),
});

export type InputFile = z.output<typeof inputFile>;

/** The target as the catalog has it. */
export const targetTable = z.strictObject({
  /** Qualified and quoted by the catalog, to stand in SQL as it is. */
  name: z.string(),
  isPartitioned: z.boolean(),
});

export type TargetTable = z.output<typeof targetTable>;

/** What `prepare` freezes, so that later steps and other nodes see the same input and target. */
export const preparedImport = z.strictObject({
  /** Sorted by path, each once. */
  files: z.array(inputFile),
  table: targetTable,
  /** Names of the columns that the files hold, in their order, quoted by the catalog. */
  columns: z.array(z.string()).min(1),
  chunkBytes: z.int().min(1),
});

export type PreparedImport = z.output<typeof preparedImport>;
