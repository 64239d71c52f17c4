/** Tracks as points with tails; how uncertain they are, as ellipses. Only what changed is touched. */
import {
  type Cartesian3,
  Material,
  type PointPrimitive,
  PointPrimitiveCollection,
  type Polyline,
  PolylineCollection,
  type Scene,
} from "@cesium/engine";
import type { Track } from "../api/contract";
import type { Theme } from "../look/theme";
import { placeAt, placesOf, TAIL_PLACES, type Tail } from "../picture/tails";
import { horizontalEllipse } from "../picture/uncertainty";
import { at, colour, ellipseRing, ringPoints } from "./places";

/** A track that no radar saw for longer is drawn as old. */
export const STALE_AFTER_MS = 10_000;
/** Ellipses smaller than this cannot be seen on the globe. */
const LEAST_ELLIPSE_M = 2_000;
const GREATEST_ELLIPSES = 60;
/** Of all tails one part in so many is drawn anew with each change: none is older than it takes. */
const TAIL_TURNS = 8;

/** Tracks of another picture that this one lacks have ids below zero here. */
export const isGhost = (id: number): boolean => id < 0;

interface Mark {
  point: PointPrimitive;
  tail: Polyline | undefined;
}

export class TrackMarks {
  readonly #points: PointPrimitiveCollection;
  readonly #tails: PolylineCollection;
  readonly #ellipses: PolylineCollection;
  readonly #marks = new Map<number, Mark>();
  readonly #ringed = new Map<number, Polyline>();
  #turn = 0;
  #chosen: number | null = null;

  constructor(scene: Scene, private theme: Theme) {
    this.#tails = scene.primitives.add(new PolylineCollection());
    this.#ellipses = scene.primitives.add(new PolylineCollection());
    this.#points = scene.primitives.add(new PointPrimitiveCollection());
  }

  /** Draw these; `now_ms` decides which are old. */
  change(tracks: Iterable<Track>, tails: ReadonlyMap<number, Tail>, now_ms: number): void {
    this.#turn = (this.#turn + 1) % TAIL_TURNS;
    for (const track of tracks) {
      const place = at(track.longitude_deg, track.latitude_deg, Math.max(0, track.height_m));
      let mark = this.#marks.get(track.id);
      if (!mark) {
        mark = { point: this.#points.add({ position: place, id: track.id }), tail: undefined };
        this.#marks.set(track.id, mark);
        this.#dress(mark, track, now_ms);
      } else {
        mark.point.position = place;
        this.#dress(mark, track, now_ms);
      }
      const tail = tails.get(track.id);
      if (tail && (track.id % TAIL_TURNS === this.#turn || track.id === this.#chosen)) {
        this.#drawTail(mark, tail, place);
      }
      this.#ring(track);
    }
  }

  remove(ids: Iterable<number>): void {
    for (const id of ids) {
      const mark = this.#marks.get(id);
      if (mark) {
        this.#points.remove(mark.point);
        if (mark.tail) this.#tails.remove(mark.tail);
        this.#marks.delete(id);
      }
      this.#unring(id);
    }
  }

  clear(): void {
    this.#points.removeAll();
    this.#tails.removeAll();
    this.#ellipses.removeAll();
    this.#marks.clear();
    this.#ringed.clear();
  }

  /** Which track is chosen, and the colours. */
  emphasise(chosen: number | null, theme: Theme): void {
    this.#chosen = chosen;
    this.theme = theme;
  }

  placeOf(id: number): Cartesian3 | undefined {
    return this.#marks.get(id)?.point.position;
  }

  #dress(mark: Mark, track: Track, now_ms: number): void {
    const old = track.status === "ended" || now_ms - track.last_plot_ms > STALE_AFTER_MS;
    const lacking = isGhost(track.id);
    const { point } = mark;
    const css = lacking ? this.theme.missing : old ? this.theme.stale : this.theme.track;
    point.color = colour(css, old || lacking ? 0.15 : 0.95);
    point.pixelSize = track.id === this.#chosen ? 9 : lacking ? 8 : 5;
    point.outlineColor = colour(track.id === this.#chosen ? this.theme.chosen : css);
    point.outlineWidth = track.id === this.#chosen ? 2 : old || lacking ? 1.5 : 0;
    if (mark.tail) mark.tail.show = track.status !== "ended";
  }

  #drawTail(mark: Mark, tail: Tail, head: Cartesian3): void {
    const count = placesOf(tail);
    if (count < 2) return;
    const points: Cartesian3[] = [];
    const [longitude, latitude, height] = placeAt(tail, 0);
    // A tail has always as many points: Cesium then writes over the old ones in their place.
    for (let i = TAIL_PLACES - count; i > 0; i -= 1) points.push(at(longitude, latitude, height - 0.1 * i));
    for (let i = 0; i < count - 1; i += 1) {
      const [east, north, up] = placeAt(tail, i);
      points.push(at(east, north, Math.max(0, up)));
    }
    points.push(head);
    if (mark.tail) {
      mark.tail.positions = points;
      return;
    }
    const material = Material.fromType("Color", { color: colour(this.theme.track, 0.45) });
    mark.tail = this.#tails.add({ positions: points, width: 1.2, material });
  }

  #ring(track: Track): void {
    const ellipse = horizontalEllipse(track);
    const wanted = track.status === "confirmed" && ellipse.semi_major_m > LEAST_ELLIPSE_M;
    const drawn = this.#ringed.get(track.id);
    if (!wanted) {
      if (drawn) this.#unring(track.id);
      return;
    }
    if (!drawn && this.#ringed.size >= GREATEST_ELLIPSES) return;
    const ring = ellipseRing(track.longitude_deg, track.latitude_deg, ellipse);
    const positions = ringPoints(ring, Math.max(0, track.height_m));
    if (drawn) {
      drawn.positions = positions;
      return;
    }
    const material = Material.fromType("Color", { color: colour(this.theme.track, 0.6) });
    this.#ringed.set(track.id, this.#ellipses.add({ positions, width: 1, material }));
  }

  #unring(id: number): void {
    const drawn = this.#ringed.get(id);
    if (!drawn) return;
    this.#ellipses.remove(drawn);
    this.#ringed.delete(id);
  }
}
