/** Statements that claim rows for this node: from before one is sent until what it brought is known here, or it has failed. */
export class ClaimsUnderWay {
  readonly #open = new Set<Promise<undefined>>();

  /** A statement that claims is about to be sent. @returns to be called when its rows are known here, or will never be. */
  begin(): () => void {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.#open.add(promise);
    return () => {
      this.#open.delete(promise);
      resolve(undefined);
    };
  }

  /** Resolves when all claims have ended that have begun by now. */
  async ended(): Promise<void> {
    await Promise.all(this.#open);
  }
}
