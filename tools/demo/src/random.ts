/** A source of numbers in [0, 1) that gives the same ones for the same seed: sfc32, fast and well spread. */
export function seededRandom(seed: number): () => number {
  let [a, b, c, counter] = [0x9e3779b9, 0x243f6a88, seed | 0, 1];
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 0x1_0000_0000;
  };
  // The first numbers of neighbouring seeds are alike.
  for (let rounds = 0; rounds < 12; rounds += 1) next();
  return next;
}
