/** A shared event side by side: which nations' statements are of one flight, and where a text is. */
import type { Apart, EventDifference, EventLine, EventText, SharedEvent, StatedFlight, StatedWarning } from "../api/contract";

export type Stated = StatedFlight | StatedWarning;
/** One flight as each nation states it; nations that do not count it are left out. */
export type Together = ReadonlyMap<string, Stated>;

export function isWarning(one: Stated): one is StatedWarning {
  return "warning" in one;
}

/** Who has stated something: our own nation first, the others by name. */
export function nationsOf(event: SharedEvent, own: string): string[] {
  return Object.keys(event.assessments).sort((a, b) => Number(b === own) - Number(a === own) || a.localeCompare(b));
}

export function between(event: SharedEvent, one: string, other: string): EventDifference | undefined {
  return event.differences.find((two) => two.between.includes(one) && two.between.includes(other));
}

/** How far two nations are apart about one flight; undefined: one of them does not count it. */
export function apart(event: SharedEvent, flight: Together, one: string, other: string): Apart | undefined {
  const two = between(event, one, other);
  const [a, b] = [flight.get(one), flight.get(other)];
  if (!two || !a || !b || isWarning(a) || isWarning(b)) return undefined;
  const pair = two.between[0] === one ? [a.flight, b.flight] : [b.flight, a.flight];
  return two.flights.find(({ flights }) => flights[0] === pair[0] && flights[1] === pair[1]);
}

/** Each flight of the event once: a statement stands beside those that it was held against. */
export function sideBySide(event: SharedEvent, nations: readonly string[]): Together[] {
  const out: Map<string, Stated>[] = [];
  for (const nation of nations) {
    for (const stated of event.assessments[nation] ?? []) {
      const place = out.find((flight) => {
        const tried = new Map(flight).set(nation, stated);
        return !flight.has(nation) && [...flight.keys()].some((other) => apart(event, tried, nation, other));
      });
      if (place) place.set(nation, stated);
      else out.push(new Map([[nation, stated]]));
    }
  }
  return out;
}

/** A flight's number in all together, by the first nation's statement that is of one there; null: of none. */
export function sharedIdOf(flight: Together): number | null {
  return [...flight.values()].map((one) => (isWarning(one) ? null : one.shared_id)).find((id) => id !== null) ?? null;
}

/** Nations that have not confirmed a text yet. */
export function waitsFor(text: EventText): string[] {
  return text.nations.filter((nation) => !text.confirmed.some((one) => one.nation === nation));
}

/** Whether one may confirm a text for one's nation: who proposed it there may not. */
export function confirms(text: EventText, nation: string, who: string): "may" | "another" | "no" {
  if (!waitsFor(text).includes(nation)) return "no";
  return text.proposed.nation === nation && text.proposed.by === who ? "another" : "may";
}

/** Texts that wait for one's own confirmation: of one's nation, and not of what one proposed oneself. */
export function forMe(events: readonly Pick<EventLine, "waiting">[], nation: string, who: string): string[] {
  const mine = events.flatMap(({ waiting }) => waiting.filter((text) => text.nations.includes(nation) && !(text.proposed.nation === nation && text.proposed.by === who)));
  return [...new Set(mine.map(({ hash }) => hash))];
}
