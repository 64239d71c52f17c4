/** What of a warning a list and the globe have in common. */
import type { StandingAlert, WarnedArea, Warning } from "../api/contract";

/** The greater of both probabilities; a neighbour without any: 0. */
export function chance(area: Pick<WarnedArea, "falls" | "passes">): number {
  return Math.max(area.falls ?? 0, area.passes ?? 0);
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
