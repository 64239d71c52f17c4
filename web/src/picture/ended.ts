/** What became of flights: which fell and which were lost from sight, and which parted from which. */
import type { Flight } from "../api/contract";
import type { Word } from "../words/en";

/** Why a track ended, as the node says it. */
const CAME_DOWN = "came down";
const NOT_SEEN = "not seen";
/** Longer than between two looks of a radar. */
const UNSEEN_MS = 30_000;

/** Ended, and not because it came down: what is known of its fall is what was expected. */
export function isLost({ status, ended_because }: Pick<Flight, "status" | "ended_because">): boolean {
  return status === "ended" && ended_because === NOT_SEEN;
}

/** Came down as far as is known: nobody saw it so long before that. */
export function fellUnseen({ impact, last_plot_ms }: Pick<Flight, "impact" | "last_plot_ms">): boolean {
  return impact !== null && impact.time_ms - last_plot_ms > UNSEEN_MS;
}

/** The one word for a flight that has ended. */
export function endWord({ ended_because }: Pick<Flight, "ended_because">): Word {
  return ended_because === CAME_DOWN ? "fell" : ended_because === NOT_SEEN ? "lost" : "ended";
}

/** The nation that saw it last, as far as that was noted; else all that saw it. */
export function lastSeenBy({ sources, nations }: Pick<Flight, "sources" | "nations">): string {
  const last = sources.reduce<Flight["sources"][number] | null>((best, one) => (one.last_ms !== null && one.last_ms > (best?.last_ms ?? 0) ? one : best), null);
  return last?.nation ?? nations.join(", ");
}

/** Flights that parted from one, by their numbers. */
export function partedFromIt({ id }: Pick<Flight, "id">, flights: Iterable<Pick<Flight, "id" | "parted_from">>): number[] {
  return [...flights].filter((one) => one.parted_from === id).map((one) => one.id).sort((a, b) => a - b);
}

/** How many were launched: what parted from another that is among them came up with it. */
export function launches(flights: readonly Pick<Flight, "id" | "parted_from">[]): number {
  const ids = new Set(flights.map(({ id }) => id));
  return flights.filter(({ parted_from }) => parted_from === null || !ids.has(parted_from)).length;
}
