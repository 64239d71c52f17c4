/** What of a warning a list and the globe have in common. */
import type { Danger, StandingAlert, WarnedArea, Warning } from "../api/contract";
import type { Word } from "../words/en";
import { clockTime, localTime } from "../words/words";

/** The probability of what an area is told; none known: 0. */
export function chance(area: Pick<WarnedArea, "danger" | "falls" | "passes">): number {
  return (area.danger === "pass" ? area.passes : area.falls) ?? 0;
}

/** The words for what an area is told. */
export const told: Readonly<Record<Danger, Word>> = { fall: "told_fall", neighbour: "told_neighbour", pass: "told_pass" };

/** Between which times it may happen; empty: not known. */
export function span({ first_ms, last_ms }: Pick<WarnedArea, "first_ms" | "last_ms">): string {
  return first_ms === null || last_ms === null ? "" : `${clockTime(first_ms)} – ${clockTime(last_ms)}`;
}

/** The same on the clocks of the desk's nation; empty: not known, or these show UTC. */
export function localSpan({ first_ms, last_ms }: Pick<WarnedArea, "first_ms" | "last_ms">): string {
  if (first_ms === null || last_ms === null || !localTime(first_ms)) return "";
  return `${localTime(first_ms).split(" ")[0]} – ${localTime(last_ms)}`;
}

/** A name or text in a language, or in the one that comes first. */
export function inLanguage<T>(language: string, all: Readonly<Record<string, T>>): T | undefined {
  return all[language] ?? all["en"] ?? Object.values(all)[0];
}

/** Alerts of which nothing was said: persons are to release them. */
export function waiting(alerts: readonly StandingAlert[]): StandingAlert[] {
  return alerts.filter((one) => one.warning === null);
}

/** What may be cancelled of a warning that was given. */
export function standingOf(alerts: readonly StandingAlert[], warning: Pick<Warning, "event">): StandingAlert | undefined {
  return alerts.find((one) => one.warning === warning.event);
}

/** When something may come down or pass over at the soonest, ms; null: not known. */
export function soonest(alert: StandingAlert): number | null {
  return alert.areas.reduce<number | null>((least, { first_ms }) => (first_ms === null ? least : Math.min(first_ms, least ?? first_ms)), null);
}

/** Whether it holds, as last said: in force, or how it ended. */
export function stateOf({ in_force, expired, kind }: Pick<Warning, "in_force" | "expired" | "kind">): Word {
  if (in_force) return "in_force";
  return expired ? "warning_expired" : kind === "cancel" ? "cancelled" : "all_clear";
}
