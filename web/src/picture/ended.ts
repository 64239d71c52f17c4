/** What became of flights: which fell and which were lost from sight, and which parted from which. */
import type { Flight } from "../api/contract";
import type { Word } from "../words/en";

/** Why a track ended, as the node says it. */
const CAME_DOWN = "came down";
const NOT_SEEN = "not seen";
/** Longer than between two looks of a radar. */
const UNSEEN_MS = 30_000;

type End = Pick<Flight, "status" | "ended_because" | "impact" | "last_plot_ms" | "as_of_ms">;

/** Down as far as is known: it was followed to when it was to come down, but nobody saw it so long before. */
export function isPresumedDown({ status, ended_because, impact, last_plot_ms, as_of_ms }: End): boolean {
  if (status !== "ended" || impact === null || impact.time_ms - last_plot_ms <= UNSEEN_MS) return false;
  return ended_because === CAME_DOWN || (ended_because === NOT_SEEN && as_of_ms >= impact.from_ms);
}

/** It counts down on: nobody saw it fall, and the time in which it may has not passed. */
export function isStillDue(flight: End, now_ms: number): boolean {
  return isPresumedDown(flight) && now_ms < flight.impact!.until_ms;
}

/** Ended long before it was to come down: what is known of its fall is what was expected. */
export function isLost(flight: End): boolean {
  return flight.status === "ended" && flight.ended_because === NOT_SEEN && !isPresumedDown(flight);
}

/** Nobody saw its end: where it fell is what was expected. */
export function endedUnseen(flight: End): boolean {
  return isLost(flight) || isPresumedDown(flight);
}

/** The one word for a flight that has ended. */
export function endWord(flight: End): Word {
  if (isPresumedDown(flight)) return "presumed_down";
  return isLost(flight) ? "lost" : flight.ended_because === CAME_DOWN ? "fell" : "ended";
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
