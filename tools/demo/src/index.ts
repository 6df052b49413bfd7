export { generateCsv, type GeneratedCsv } from './generate-csv.ts';
export { createTable, proveRows, type Proof } from './prove-rows.ts';
