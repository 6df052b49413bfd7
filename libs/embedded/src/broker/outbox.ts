import type { Socket } from 'node:net';

const blockBytes = 32 * 1024;

/** Below this a copy into the block is cheaper than one more entry in the system call that writes it. */
const copiedBytes = 4 * 1024;

/**
 * What waits to be written to one client. Small pieces are copied together into blocks, large payloads are kept by
 * reference; everything goes to the socket in one corked write.
 */
export class Outbox {
  readonly #chunks: Buffer[] = [];
  #block: Buffer | undefined;
  #start = 0;
  #end = 0;
  #bytes = 0;

  /** Bytes that are not handed to the socket yet. */
  get bytes(): number {
    return this.#bytes;
  }

  addText(text: string): void {
    const block = this.#blockFor(text.length);
    if (block === undefined) this.#addChunk(Buffer.from(text, 'latin1'));
    else this.#end += block.write(text, this.#end, 'latin1');
    this.#bytes += text.length;
  }

  addBytes(bytes: Buffer): void {
    const block = bytes.length <= copiedBytes ? this.#blockFor(bytes.length) : undefined;
    if (block === undefined) this.#addChunk(bytes);
    else this.#end += bytes.copy(block, this.#end);
    this.#bytes += bytes.length;
  }

  writeTo(socket: Socket): void {
    this.#closeRun();
    socket.cork();
    for (const chunk of this.#chunks) socket.write(chunk);
    socket.uncork();
    this.#chunks.length = 0;
    this.#bytes = 0;
  }

  #blockFor(size: number): Buffer | undefined {
    if (size > blockBytes) return undefined;
    if (this.#block !== undefined && this.#block.length - this.#end >= size) return this.#block;
    this.#closeRun();
    this.#start = 0;
    this.#end = 0;
    this.#block = Buffer.allocUnsafeSlow(blockBytes);
    return this.#block;
  }

  #addChunk(chunk: Buffer): void {
    this.#closeRun();
    this.#chunks.push(chunk);
  }

  /** The socket keeps what it was given until it is written: those bytes of the block are never used again. */
  #closeRun(): void {
    if (this.#block === undefined || this.#end === this.#start) return;
    this.#chunks.push(this.#block.subarray(this.#start, this.#end));
    this.#start = this.#end;
  }
}
