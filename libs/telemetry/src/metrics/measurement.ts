/** What a task type measured with one instrument and one set of attributes, since it was last told. */
export interface Measurement {
  readonly name: string;
  readonly kind: 'counter' | 'up-down-counter' | 'gauge' | 'histogram';
  readonly unit: string;
  readonly help: string;
  readonly attributes: Readonly<Record<string, string | number>>;
  /** Of a counter its increase, of a gauge its last value, of a histogram every value. */
  readonly values: readonly number[];
}
