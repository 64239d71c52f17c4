/** Where each track was lately: a bounded ring of places for each, so that memory stays flat. */
import type { Track } from "../api/contract";

export interface Tail {
  /** Longitude and latitude in degrees, height in m, time in ms; oldest first. */
  places: number[];
}

export const TAIL_PLACES = 30;
const NUMBERS = 4;
/** A place is kept once it is this much later than the one kept before. */
export const TAIL_STEP_MS = 2_000;
/** After a longer gap it begins anew. */
const LONGEST_GAP_MS = 30_000;

/** Puts a track's place at the end of its tail; the last one moves with the track until it counts. */
export function follow(tail: Tail, track: Track): void {
  const { places } = tail;
  // Where one goes back in time, what was later is not behind the track; where one goes on, nothing went straight from there to here.
  while (places.length && places[places.length - 1]! > track.time_ms) places.length -= NUMBERS;
  if (places.length && track.time_ms - places[places.length - 1]! > LONGEST_GAP_MS) places.length = 0;
  const end = places.length;
  const lastKept_ms = places[end - NUMBERS - 1];
  const moves = end >= 2 * NUMBERS && lastKept_ms !== undefined && track.time_ms - lastKept_ms < TAIL_STEP_MS;
  if (!moves && end === TAIL_PLACES * NUMBERS) places.copyWithin(0, NUMBERS);
  const at = moves || end === TAIL_PLACES * NUMBERS ? end - NUMBERS : end;
  places[at] = track.longitude_deg;
  places[at + 1] = track.latitude_deg;
  places[at + 2] = track.height_m;
  places[at + 3] = track.time_ms;
}

export function placesOf(tail: Tail): number {
  return tail.places.length / NUMBERS;
}

export function placeAt(tail: Tail, index: number): [number, number, number, number] {
  const i = index * NUMBERS;
  const { places } = tail;
  return [places[i]!, places[i + 1]!, places[i + 2]!, places[i + 3]!];
}
