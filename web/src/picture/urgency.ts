/** Flights in the order in which they ask for attention, and how long they have left. */
import type { Flight } from "../api/contract";

export interface Countdown {
  /** s until the impact, or the next of two ends; below zero once it is past. */
  seconds: number;
  /** s: the earliest and the latest with 95 %. */
  earliest: number;
  latest: number;
}

/** When it comes down, ms: of two ends the next, as between them nothing is expected to fall. */
export function fall_ms({ impact, bodies }: Pick<Flight, "impact" | "bodies">, now_ms: number): number | null {
  const ends = bodies.map(({ time_ms }) => time_ms).sort((a, b) => a - b);
  return ends.find((end) => end > now_ms) ?? ends.at(-1) ?? impact?.time_ms ?? null;
}

export function countdown(flight: Pick<Flight, "impact" | "bodies">, now_ms: number): Countdown | null {
  const place = flight.impact;
  if (!place) return null;
  return {
    seconds: (fall_ms(flight, now_ms)! - now_ms) / 1_000,
    earliest: (place.from_ms - now_ms) / 1_000,
    latest: (place.until_ms - now_ms) / 1_000,
  };
}

/** Most urgent first; among alike the earlier impact, then the newer launch; ended ones last. */
export function byUrgency(flights: Iterable<Flight>): Flight[] {
  return [...flights].sort((a, b) => byClass(a, b) || within(a, b));
}

function byClass(a: Flight, b: Flight): number {
  const over = Number(a.status === "ended") - Number(b.status === "ended");
  return over || (a.status === "ended" ? 0 : b.urgency - a.urgency);
}

function within(a: Flight, b: Flight): number {
  if (a.status === "ended") return b.last_plot_ms - a.last_plot_ms || a.id - b.id;
  const impact = (a.impact?.time_ms ?? Infinity) - (b.impact?.time_ms ?? Infinity);
  if (impact && !Number.isNaN(impact)) return impact;
  return b.first_plot_ms - a.first_plot_ms || a.id - b.id;
}

/** When it comes down at the soonest, ms. */
function begins({ impact }: Flight): number {
  return impact?.from_ms ?? Infinity;
}

/** Surely down before the other: their intervals do not meet. */
function surelyEarlier(a: Flight, b: Flight): boolean {
  return (a.impact?.until_ms ?? Infinity) < begins(b);
}

/**
 * The order of a list that people look at. Two flights change places when their urgency does, or when
 * one is surely down before the other, and not whenever estimates waver.
 */
export class SteadyOrder {
  #picture = "";
  #before: number[] = [];

  of(picture: string, flights: Iterable<Flight>): Flight[] {
    if (picture !== this.#picture) this.#before = [];
    this.#picture = picture;
    const place = new Map(this.#before.map((id, i) => [id, i]));
    const wanted = byUrgency(flights);
    const list = wanted.filter(({ id }) => place.has(id)).sort((a, b) => byClass(a, b) || place.get(a.id)! - place.get(b.id)!);
    let latest: Flight | undefined;
    list.forEach((one, i) => {
      if (latest && byClass(latest, one) !== 0) latest = undefined;
      if (latest && one.status !== "ended" && surelyEarlier(one, latest)) {
        const at = list.findIndex((other) => byClass(one, other) === 0 && surelyEarlier(one, other));
        list.splice(at, 0, ...list.splice(i, 1));
      } else if (!latest || begins(one) > begins(latest)) latest = one;
    });
    if (list.length === 0) list.push(...wanted);
    else for (const one of wanted.filter(({ id }) => !place.has(id))) {
      const at = list.findIndex((other) => (byClass(one, other) || within(one, other)) < 0);
      list.splice(at < 0 ? list.length : at, 0, one);
    }
    this.#before = list.map(({ id }) => id);
    return list;
  }
}
