/** The values of one row, as they are meant to end in the table. */
export interface DemoRow {
  readonly id: number;
  readonly name: string;
  /** Null and the empty text are different values here, and so is every line break in it. */
  readonly note: string | null;
  /** A decimal number with two places, as text: no floating point on the way. */
  readonly amount: string | null;
  /** Milliseconds since 1970. */
  readonly createdMs: number;
  readonly payload: string;
}

const NAMES = [
  'Ada',
  'Grace',
  'Søren',
  'Zoë',
  'José',
  'Łukasz',
  '愛子',
  'Мария',
  'علي',
  'O’Neil',
  'Smith, John',
  'Bo "B" Li',
];
const NOTES = [
  'plain',
  'a, b; c\tand d',
  'she said "yes"',
  '""',
  '"',
  'first line\nsecond line',
  'carriage return\r\nand line feed',
  'ends with a break\n',
  ',\n",\n',
  '  spaces kept  ',
  'NULL',
  '\\N',
  'snow ☃ and a rocket 🚀',
  '日本語の文',
];
/** Looked up, not computed: the demo makes ten million of them. */
const FOUR_DIGITS = Array.from({ length: 0x1_0000 }, (_, value) => value.toString(16).padStart(4, '0'));
const FIRST_MS = Date.UTC(2020, 0, 1);
const SPAN_MS = 5 * 365 * 24 * 3_600_000;

/** The row with this id. Takes what randomness it needs from `random`, so rows must be made in order. */
export function makeRow(id: number, random: () => number): DemoRow {
  const pick = random();
  return {
    id,
    name: `${oneOf(NAMES, random)} ${Math.floor(random() * 10_000)}`,
    note: pick < 0.15 ? null : pick < 0.3 ? '' : pick < 0.5 ? 'plain' : oneOf(NOTES, random),
    amount: random() < 0.05 ? null : amount(random),
    createdMs: FIRST_MS + Math.floor(random() * SPAN_MS),
    payload: hexText(random, 8 + Math.floor(random() * 13)),
  };
}

function amount(random: () => number): string {
  const cents = Math.floor(random() * 200_000_000) - 100_000_000;
  const digits = String(Math.abs(cents)).padStart(3, '0');
  return `${cents < 0 ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}

/** Text of `words` times four hexadecimal digits. */
function hexText(random: () => number, words: number): string {
  let text = '';
  for (let word = 0; word < words; word += 1) text += FOUR_DIGITS[Math.floor(random() * 0x1_0000)] ?? '';
  return text;
}

function oneOf(texts: readonly string[], random: () => number): string {
  return texts[Math.floor(random() * texts.length)] ?? '';
}
