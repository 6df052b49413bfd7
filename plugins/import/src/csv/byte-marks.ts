/** Bytes that are looked through in one go: one read of a file. */
export const MARKED_BYTES = 1024 * 1024;

/** Bytes of a page of memory, in which a module says how much it needs. */
const PAGE_BYTES = 65_536;
/** One bit for each byte stands behind the bytes. */
const MASK_BYTES = MARKED_BYTES / 8;

/** As much of the platform's WebAssembly as is used here; TypeScript has it in the libraries for browsers alone. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => {
    readonly exports: { readonly m: { readonly buffer: ArrayBuffer }; readonly f: MarkFunction };
  };
};

type MarkFunction = (length: number, a: number, b: number, c: number, d: number) => void;

/**
 * A module of one function, `mark(length, a, b, c, d)`: for each sixteen bytes of its memory it writes sixteen bits, set where the byte
 * is one of the four. Sixteen bytes take six instructions here, and as many in JavaScript take sixty. By hand, since it is as short as
 * a call of a compiler would be.
 */
const MODULE = new WebAssembly.Module(
  // prettier-ignore
  Uint8Array.of(
    0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0,         // "\0asm", version 1
    1, 9, 1, 0x60, 5, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0, // one type: five numbers, no result
    3, 2, 1, 0,                                 // one function of it
    5, 3, 1, 0, (MARKED_BYTES + MASK_BYTES) / PAGE_BYTES, // one memory
    7, 9, 2, 1, 0x6d, 2, 0, 1, 0x66, 0, 0,      // exported: the memory as "m", the function as "f"
    10, 95, 1, 93, 2, 1, 0x7f, 5, 0x7b,         // code; besides the five: the position (5), four patterns (6 to 9), a block (10)
    0x20, 1, 0xfd, 0x0f, 0x21, 6,               // each character sixteen times
    0x20, 2, 0xfd, 0x0f, 0x21, 7,
    0x20, 3, 0xfd, 0x0f, 0x21, 8,
    0x20, 4, 0xfd, 0x0f, 0x21, 9,
    0x03, 0x40,                                 // loop
    0x20, 5, 0x41, 3, 0x76,                     //   where the bits go: position / 8
    0x20, 5, 0xfd, 0x00, 4, 0, 0x22, 10,        //   a block
    0x20, 6, 0xfd, 0x23,                        //   equal to the first pattern,
    0x20, 10, 0x20, 7, 0xfd, 0x23, 0xfd, 0x50,  //   or the second,
    0x20, 10, 0x20, 8, 0xfd, 0x23, 0xfd, 0x50,  //   the third,
    0x20, 10, 0x20, 9, 0xfd, 0x23, 0xfd, 0x50,  //   or the fourth
    0xfd, 0x64,                                 //   one bit for each byte
    0x3b, 1, 0x80, 0x80, 0x40,                  //   stored behind the bytes
    0x20, 5, 0x41, 16, 0x6a, 0x22, 5,           //   the next position,
    0x20, 0, 0x49, 0x0d, 0,                     //   again while it is below the length
    0x0b, 0x0b,
  ),
);

/** Finds the few bytes of a buffer that mean something, sixteen at a time. */
export class ByteMarks {
  /** Where the bytes are to be put. */
  readonly bytes: Buffer;
  readonly #masks: Int32Array;
  readonly #mark: MarkFunction;

  constructor() {
    const { m: memory, f: mark } = new WebAssembly.Instance(MODULE).exports;
    this.bytes = Buffer.from(memory.buffer, 0, MARKED_BYTES);
    this.#masks = new Int32Array(memory.buffer, MARKED_BYTES);
    this.#mark = mark;
  }

  /**
   * Looks through the first bytes of the buffer.
   *
   * @param length of what is looked through, at least 1. The bytes behind it, up to a multiple of 32, are made zero.
   * @param values four byte values other than zero; the same one twice does no harm.
   * @returns one bit for each byte, the lowest bit first; valid until the next call.
   */
  mark(length: number, values: readonly [number, number, number, number]): Int32Array {
    const words = Math.ceil(length / 32);
    this.bytes.fill(0, length, words * 32);
    this.#mark(words * 32, ...values);
    return this.#masks.subarray(0, words);
  }
}
