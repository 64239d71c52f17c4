/** Flights in the order in which they ask for attention, and how long they have left. */
import type { Flight, Place } from "../api/contract";

export interface Countdown {
  /** s until the impact, below zero once it is past. */
  seconds: number;
  /** s: the earliest and the latest with 95 %. */
  earliest: number;
  latest: number;
}

export function countdown(place: Place | null, now_ms: number): Countdown | null {
  if (!place) return null;
  return {
    seconds: (place.time_ms - now_ms) / 1_000,
    earliest: (place.from_ms - now_ms) / 1_000,
    latest: (place.until_ms - now_ms) / 1_000,
  };
}

/** Most urgent first; among alike the earlier impact, then the newer launch; ended ones last. */
export function byUrgency(flights: Iterable<Flight>): Flight[] {
  return [...flights].sort((a, b) => {
    const over = Number(a.status === "ended") - Number(b.status === "ended");
    if (over) return over;
    if (a.status === "ended") return b.last_plot_ms - a.last_plot_ms || a.id - b.id;
    if (a.urgency !== b.urgency) return b.urgency - a.urgency;
    const impact = (a.impact?.time_ms ?? Infinity) - (b.impact?.time_ms ?? Infinity);
    if (impact && !Number.isNaN(impact)) return impact;
    return b.first_plot_ms - a.first_plot_ms || a.id - b.id;
  });
}
