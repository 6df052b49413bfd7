/** The index that a meta asks for, in one form for both ways of saying it. */
export interface IndexRequest {
  /** As SQL names it. */
  readonly table: string;
  /** Not quoted; null: Postgres' own choice. */
  readonly name: string | null;
  readonly isUnique: boolean;
  /** What follows `ON table`, in the user's words. */
  readonly body: string;
  /** Not quoted. It is a part of the body too, but no part of what Postgres tells of an index. */
  readonly tablespace: string | null;
}
