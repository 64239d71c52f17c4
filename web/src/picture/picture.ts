/** One picture as the node tells it: a fold of a snapshot and the changes after it. */
import type { Flight, Flights, Path, Snapshot, Track, Tracks } from "../api/contract";
import { follow, type Tail } from "./tails";

/** A flown path's greatest number of places: the oldest are thinned to make room. */
export const FLOWN_PLACES = 1_500;

export interface PictureChange {
  tracks: readonly number[];
  gone: readonly number[];
  flights: readonly number[];
  flightsGone: readonly number[];
  /** Everything is new. */
  whole: boolean;
}

export class Picture {
  name = "";
  readonly tracks = new Map<number, Track>();
  readonly tails = new Map<number, Tail>();
  readonly flights = new Map<number, Flight>();
  readonly #seen = new Set<(change: PictureChange) => void>();

  look(seen: (change: PictureChange) => void): () => void {
    this.#seen.add(seen);
    return () => this.#seen.delete(seen);
  }

  /** All of a picture takes the place of what was there. Tails of tracks that are still in it stay. */
  take(whole: Pick<Snapshot, "picture" | "tracks" | "flights">): void {
    const other = whole.picture !== this.name;
    this.name = whole.picture;
    this.tracks.clear();
    const flown = new Map([...this.flights].map(([id, flight]) => [id, flight.path_flown]));
    this.flights.clear();
    if (other) {
      this.tails.clear();
      flown.clear();
    }
    for (const track of whole.tracks) this.#put(track);
    for (const id of [...this.tails.keys()]) if (!this.tracks.has(id)) this.tails.delete(id);
    for (const flight of whole.flights) {
      this.flights.set(flight.id, { ...flight, path_flown: flight.path_flown ?? flown.get(flight.id) ?? null });
    }
    this.#tell({ tracks: [...this.tracks.keys()], gone: [], flights: [...this.flights.keys()], flightsGone: [], whole: true });
  }

  changeTracks(change: Tracks): void {
    for (const track of change.changed) {
      this.#put(track);
      this.#lengthen(track);
    }
    for (const id of change.gone) {
      this.tracks.delete(id);
      this.tails.delete(id);
    }
    this.#tell({ tracks: change.changed.map((track) => track.id), gone: change.gone, flights: [], flightsGone: [], whole: false });
  }

  changeFlights(change: Flights): void {
    for (const flight of change.changed) {
      const before = this.flights.get(flight.id);
      const path_flown = flight.path_flown ?? before?.path_flown ?? this.#flownAlready(flight.id);
      this.flights.set(flight.id, { ...flight, path_flown });
    }
    for (const id of change.gone) this.flights.delete(id);
    this.#tell({ tracks: [], gone: [], flights: change.changed.map((flight) => flight.id), flightsGone: change.gone, whole: false });
  }

  clear(): void {
    this.take({ picture: "", tracks: [], flights: [] });
  }

  #put(track: Track): void {
    this.tracks.set(track.id, track);
    let tail = this.tails.get(track.id);
    if (tail === undefined) this.tails.set(track.id, (tail = { places: [] }));
    follow(tail, track);
  }

  /** What a flight flew, from its track's changes: the stream does not send it again. */
  #lengthen(track: Track): void {
    const path = this.flights.get(track.id)?.path_flown;
    if (!path) return;
    const last = path.time_ms[path.time_ms.length - 1];
    if (last !== undefined && track.time_ms - last < 1_000) return;
    appendPlace(path, track);
  }

  #flownAlready(id: number): Path {
    const path: Path = { time_ms: [], latitude_deg: [], longitude_deg: [], height_m: [], speed_m_s: [] };
    const track = this.tracks.get(id);
    if (track) appendPlace(path, track);
    return path;
  }

  #tell(change: PictureChange): void {
    for (const seen of [...this.#seen]) seen(change);
  }
}

function appendPlace(path: Path, track: Track): void {
  path.time_ms.push(track.time_ms);
  path.latitude_deg.push(track.latitude_deg);
  path.longitude_deg.push(near(track.longitude_deg, path.longitude_deg[path.longitude_deg.length - 1]));
  path.height_m.push(track.height_m);
  path.speed_m_s.push(Math.hypot(track.east_m_s, track.north_m_s, track.up_m_s));
  if (path.time_ms.length > FLOWN_PLACES) thin(path);
}

/** The longitude, by whole turns, that is nearest to another: a path does not leap at ±180°. */
export function near(longitude_deg: number, other: number | undefined): number {
  if (other === undefined) return longitude_deg;
  return longitude_deg + 360 * Math.round((other - longitude_deg) / 360);
}

/** Every other place of a path goes, but for its ends. */
export function thin(path: Path): void {
  const last = path.time_ms.length - 1;
  for (const column of [path.time_ms, path.latitude_deg, path.longitude_deg, path.height_m, path.speed_m_s]) {
    const kept = column.filter((_, i) => i % 2 === 0 || i === last);
    column.splice(0, column.length, ...kept);
  }
}
