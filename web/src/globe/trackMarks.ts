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
import type { Tail } from "../picture/tails";
import { horizontalEllipse } from "../picture/uncertainty";
import { at, colour, ellipseRing, ringPoints } from "./places";
import { TailLines } from "./tailLines";

/** A track that no radar saw for longer is drawn as old. */
export const STALE_AFTER_MS = 10_000;
/** Ellipses smaller than this cannot be seen on the globe. */
const LEAST_ELLIPSE_M = 2_000;
const GREATEST_ELLIPSES = 60;
const TAIL_OPACITY = 0.45;

/** Tracks of another picture that this one lacks have ids below zero here. */
export const isGhost = (id: number): boolean => id < 0;

export class TrackMarks {
  readonly #points: PointPrimitiveCollection;
  readonly #tails: TailLines;
  readonly #ellipses: PolylineCollection;
  readonly #marks = new Map<number, PointPrimitive>();
  readonly #ringed = new Map<number, Polyline>();
  #chosen: number | null = null;

  constructor(scene: Scene, private theme: Theme) {
    this.#tails = new TailLines(scene);
    this.#tails.paint(colour(theme.track, TAIL_OPACITY));
    this.#ellipses = scene.primitives.add(new PolylineCollection());
    this.#points = scene.primitives.add(new PointPrimitiveCollection());
  }

  /** Draw these; `now_ms` decides which are old. */
  change(tracks: Iterable<Track>, tails: ReadonlyMap<number, Tail>, now_ms: number): void {
    for (const track of tracks) {
      const place = at(track.longitude_deg, track.latitude_deg, Math.max(0, track.height_m));
      let point = this.#marks.get(track.id);
      if (!point) this.#marks.set(track.id, (point = this.#points.add({ position: place, id: track.id })));
      else point.position = place;
      this.#dress(point, track, now_ms);
      const tail = tails.get(track.id);
      if (tail && track.status !== "ended") this.#tails.put(track.id, tail);
      else this.#tails.remove(track.id);
      this.#ring(track);
    }
  }

  /** Globe or map: what is drawn is to be given anew. */
  lie(flat: boolean): void {
    this.#tails.lie(flat);
  }

  remove(ids: Iterable<number>): void {
    for (const id of ids) {
      const point = this.#marks.get(id);
      if (point) this.#points.remove(point);
      this.#marks.delete(id);
      this.#tails.remove(id);
      this.#unring(id);
    }
  }

  clear(): void {
    this.#points.removeAll();
    this.#tails.clear();
    this.#ellipses.removeAll();
    this.#marks.clear();
    this.#ringed.clear();
  }

  /** Which track is chosen, and the colours. */
  emphasise(chosen: number | null, theme: Theme): void {
    this.#chosen = chosen;
    this.theme = theme;
    this.#tails.paint(colour(theme.track, TAIL_OPACITY));
  }

  placeOf(id: number): Cartesian3 | undefined {
    return this.#marks.get(id)?.position;
  }

  #dress(point: PointPrimitive, track: Track, now_ms: number): void {
    const old = track.status === "ended" || now_ms - track.last_plot_ms > STALE_AFTER_MS;
    const lacking = isGhost(track.id);
    const css = lacking ? this.theme.missing : old ? this.theme.stale : this.theme.track;
    point.color = colour(css, old || lacking ? 0.15 : 0.95);
    point.pixelSize = track.id === this.#chosen ? 9 : lacking ? 8 : 5;
    point.outlineColor = colour(track.id === this.#chosen ? this.theme.chosen : css);
    point.outlineWidth = track.id === this.#chosen ? 2 : old || lacking ? 1.5 : 0;
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
