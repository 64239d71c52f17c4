/** What of a warning a list and the globe have in common. */
import type { WarnedArea } from "../api/contract";

/** The greater of both probabilities; a neighbour without any: 0. */
export function chance(area: WarnedArea): number {
  return Math.max(area.falls ?? 0, area.passes ?? 0);
}

/** A name or text in a language, or in the one that comes first. */
export function inLanguage<T>(language: string, all: Readonly<Record<string, T>>): T | undefined {
  return all[language] ?? all["en"] ?? Object.values(all)[0];
}
