/** Versions are `major.minor.patch` with an optional pre-release part, as npm has them. */
const VERSION = /^(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?$/;

/**
 * Orders two versions of a task type, newest last, by the rules of semver.org §11: a pre-release goes before its release. A
 * version that isn't one sorts before all others.
 */
export function compareTypeVersions(a: string, b: string): number {
  const left = VERSION.exec(a);
  const right = VERSION.exec(b);
  if (left === null || right === null) return (left === null ? 0 : 1) - (right === null ? 0 : 1);
  for (const part of [1, 2, 3]) {
    const difference = Number(left[part]) - Number(right[part]);
    if (difference !== 0) return difference;
  }
  return comparePreReleases(left[4], right[4]);
}

function comparePreReleases(a: string | undefined, b: string | undefined): number {
  if (a === undefined || b === undefined) return (a === undefined ? 1 : 0) - (b === undefined ? 1 : 0);
  const left = a.split('.');
  const right = b.split('.');
  for (let index = 0; index < Math.min(left.length, right.length); index++) {
    const difference = compareIdentifiers(left[index] ?? '', right[index] ?? '');
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

/** Numbers compare as numbers and go before words. */
function compareIdentifiers(a: string, b: string): number {
  const isNumber = (text: string): boolean => /^\d+$/.test(text);
  if (isNumber(a) && isNumber(b)) return Number(a) - Number(b);
  if (isNumber(a) !== isNumber(b)) return isNumber(a) ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * Whether a node that offers one version of a type can run a task of another: the same version, or a later one of the same major
 * version (of 0.x: of the same minor version). So a fleet is upgraded node by node while tasks of the version before run.
 *
 * @param wanted the task's version.
 * @param offered the node's version.
 */
export function isCompatibleVersion(wanted: string, offered: string): boolean {
  if (wanted === offered) return true;
  const want = VERSION.exec(wanted);
  const offer = VERSION.exec(offered);
  if (want === null || offer === null || want[1] !== offer[1]) return false;
  if (want[1] === '0' && want[2] !== offer[2]) return false;
  return compareTypeVersions(wanted, offered) <= 0;
}

/**
 * The version that stands for a wanted one: itself where it is there, otherwise the newest compatible one.
 *
 * @returns null when none is compatible.
 */
export function chooseTypeVersion(wanted: string, versions: readonly string[]): string | null {
  if (versions.includes(wanted)) return wanted;
  const compatible = versions.filter((version) => isCompatibleVersion(wanted, version));
  return compatible.toSorted(compareTypeVersions).at(-1) ?? null;
}
